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
    document.querySelector('main').replaceWith(main);
    document.body.className = '';
  } catch {
    document.body.className = 'gone';
  }
  setTimeout(look, refresh);
}
setTimeout(look, refresh);
