// Cut the sections into screens, and turn the pages: arrows, space, page keys, Home, End.
const main = document.querySelector('main');
const original = main.innerHTML;
const footer = document.body.appendChild(document.createElement('footer'));
let slides = [];
let now = 0;

function cut() {
  main.innerHTML = original;
  document.body.className = '';
  for (const section of [...main.querySelectorAll('section')]) {
    if (section.offsetHeight <= innerHeight) continue;
    const title = section.querySelector('h1, h2, h3');
    const items = [...section.children];
    section.replaceChildren();
    let page = section;

    function turn() {
      page.after(section.cloneNode());
      page = page.nextSibling;
      if (title) page.innerHTML = '<p class="again"></p>';
      if (title) page.firstChild.textContent = title.textContent;
    }

    function place(item) {
      page.append(item);
      if (page.offsetHeight <= innerHeight) return;
      const alone = !item.previousElementSibling?.matches('.block, .group');
      if (item.matches('.group') && tooTall(item)) {
        item.remove();
        [...item.children].forEach(place); // the code, and then what it shows
      } else if (alone) {
        shrink(page);
      } else {
        turn();
        place(item);
      }
    }
    items.forEach(place);
  }
  document.body.className = 'paged';
  slides = [...main.querySelectorAll('section')];
}

// Whether a cell and what it shows need more than a screen of their own.
function tooTall(group) {
  return group.children.length > 1 && group.offsetHeight > innerHeight * 0.82;
}

// Smaller letters for what is too tall for one screen; below half size it scrolls instead.
function shrink(page) {
  const tall = () => page.getBoundingClientRect().height > innerHeight;
  for (let size = 0.95; size >= 0.5 && tall(); size -= 0.05) page.style.zoom = size;
  // The whole screen all the same: the style sheet's 100vh are made smaller, too.
  page.style.height = `${100 / (page.style.zoom || 1)}vh`;
}

function go(number) {
  now = Math.max(0, Math.min(slides.length - 1, number));
  slides.forEach((slide, index) => slide.classList.toggle('now', index === now));
  footer.textContent = `${now + 1} / ${slides.length}`;
  history.replaceState(null, '', `#${now + 1}`);
}

addEventListener('keydown', (event) => {
  const steps = { ArrowRight: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, PageUp: -1 };
  if (event.key in steps) go(now + steps[event.key]);
  else if (event.key === 'Home') go(0);
  else if (event.key === 'End') go(slides.length - 1);
  else if (event.key === 'f') document.documentElement.requestFullscreen();
  else return;
  event.preventDefault();
});
addEventListener('hashchange', () => go((parseInt(location.hash.slice(1)) || 1) - 1));
let waiting;
addEventListener('resize', () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => { cut(); go(now); }, 200);
});
cut();
go((parseInt(location.hash.slice(1)) || 1) - 1);
