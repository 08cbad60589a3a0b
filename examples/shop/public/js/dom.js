/** The element that the page calls so. A name that is not there is a mistake in the page, and said at once. */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}`);
  return found;
}

/** An element; strings among its children are text, never HTML: what a server says is shown as it is. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Text in which `names of code` stand between backticks. */
export const prose = (text) => text.split('`').map((part, n) => (n % 2 === 1 ? element('code', {}, part) : part));

/**
 * For buttons of which one at a time is at work: makes handlers that do nothing meanwhile. The buttons say so; they are not
 * `disabled`, because that would take the focus from the one that was pressed.
 */
export function oneAtATime(buttons) {
  let isBusy = false;
  return (work) => async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    for (const button of buttons) button.setAttribute('aria-disabled', 'true');
    try {
      await work();
    } finally {
      isBusy = false;
      for (const button of buttons) button.removeAttribute('aria-disabled');
    }
  };
}
