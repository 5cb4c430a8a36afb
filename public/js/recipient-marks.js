// Shows while typing whether a recipient can be written to in secret. The server decides again when the letter is checked.
const WAIT_MS = 350;

for (const field of document.querySelectorAll('[data-recipient-marks]')) attach(field);

function attach(field) {
  const list = document.getElementById(field.dataset.recipientMarks ?? '');
  if (list === null) return;
  let timer = 0;
  let latest = 0;
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  });
  ask();

  async function ask() {
    const addresses = field.value
      .split(/[,;\n]/)
      .map((part) => part.trim())
      .filter((part) => part.includes('@'));
    latest += 1;
    const mine = latest;
    if (addresses.length === 0) return show([]);
    const query = new URLSearchParams(addresses.slice(0, 100).map((address) => ['address', address]));
    const answer = await fetch(`/recipients/marks?${query}`, { headers: { accept: 'application/json' } }).catch(
      () => null,
    );
    // An older question may be answered later than a newer one.
    if (!answer?.ok || mine !== latest) return;
    const { marks } = await answer.json();
    show(marks);
  }

  function show(marks) {
    list.replaceChildren(...marks.map((mark) => slip(mark, field.dataset)));
    field.dispatchEvent(new CustomEvent('recipient-marks', { bubbles: true, detail: marks }));
  }
}

function slip(mark, words) {
  const item = document.createElement('li');
  item.className = mark.usable ? 'slip' : 'slip missing';
  const sign = element('span', mark.usable ? 'vx v' : 'vx x');
  sign.append(icon(mark.usable ? 'tick' : 'cross'), element('span', 'hush', mark.usable ? words.ready : words.missing));
  const who = element('span', 'who');
  who.append(element('bdi', '', mark.name || mark.address));
  const why = mark.usable ? (words.usable ?? '').replace('{date}', mark.until ?? '') : (mark.reason ?? '');
  item.append(sign, who, element('span', 'why', why));
  return item;
}

function element(name, className, text = '') {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  made.textContent = text;
  return made;
}

function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const drawing = document.createElementNS(space, 'svg');
  drawing.setAttribute('class', 'icon');
  drawing.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(space, 'use');
  use.setAttribute('href', `/icons/icons.svg#${name}`);
  drawing.append(use);
  return drawing;
}
