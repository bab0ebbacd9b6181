const refresh = 1000 * document.body.dataset.refresh;
async function look() {
  try {
    // A server that does not answer must not look like one in which nothing changes.
    const signal = AbortSignal.timeout(5000);
    const answer = await fetch(location.href, { cache: 'no-store', signal });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const main = page.querySelector('main');
    // An overloaded server answers 503, which has no page to show.
    if (!answer.ok || !main) throw new Error(answer.status);
    const old = document.querySelector('main');
    main.querySelector('details').open = old.querySelector('details').open;
    // The rate between two updates says more than the average. During an upgrade, another server
    // may have answered.
    const seconds = main.dataset.uptime - old.dataset.uptime;
    if (main.dataset.server === old.dataset.server && seconds > 0) {
      const rate = (main.dataset.requests - old.dataset.requests) / seconds;
      main.querySelectorAll('.figures dd')[2].textContent = rate.toFixed(1);
    }
    old.replaceWith(main);
    document.body.className = '';
  } catch {
    document.body.className = 'gone';
  }
  setTimeout(look, refresh);
}
setTimeout(look, refresh);
