// Keeps the form of a marked letter in step: a handling instruction that is written is meant, and what is marked is signed and
// encrypted. Nothing is taken back when another choice is made, and the server decides again.
const choices = document.querySelector('[data-marking]');

if (choices !== null) {
  choices.addEventListener('input', (event) => {
    if (event.target.name !== 'handling' || event.target.value.trim() === '') return;
    const instructed = choices.querySelector('input[type="radio"][value="instructed"]');
    if (instructed.checked) return;
    instructed.checked = true;
    protect();
  });
  choices.addEventListener('change', (event) => {
    if (event.target.name === 'marking' && event.target.value !== 'none') protect();
  });
}

function protect() {
  for (const box of document.querySelectorAll('input[name="sign"], input[name="encrypt"]')) {
    if (box.type !== 'checkbox' || box.checked) continue;
    box.checked = true;
    box.dispatchEvent(new Event('change', { bubbles: true }));
  }
}
