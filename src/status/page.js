const refresh = 1000 * document.body.dataset.refresh;
async function look() {
  try {
    // A server that says nothing must not look like one that has nothing new to say.
    const signal = AbortSignal.timeout(5000);
    const answer = await fetch(location.href, { cache: 'no-store', signal });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const main = page.querySelector('main');
    // One that is overloaded says so, and that is no page to be shown here.
    if (!answer.ok || !main) throw new Error(answer.status);
    document.querySelector('main').replaceWith(main);
    document.body.className = '';
  } catch {
    document.body.className = 'gone';
  }
  setTimeout(look, refresh);
}
setTimeout(look, refresh);
