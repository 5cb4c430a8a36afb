// A button beside a text that is there to be copied. Without the script it is selected by hand.
for (const text of document.querySelectorAll('textarea[data-copy]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button slim';
  button.textContent = text.dataset.copy;
  const said = document.createElement('span');
  said.className = 'small soft';
  said.setAttribute('role', 'status');
  const row = document.createElement('p');
  row.className = 'row';
  row.append(button, ' ', said);
  text.after(row);
  button.addEventListener('click', async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(text.value);
      said.textContent = text.dataset.copied;
    } catch {
      // Where the browser refuses, the text is selected: the keyboard copies it.
      text.focus();
    }
  });
}
