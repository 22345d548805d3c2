// Lists of buttons are one stop of the Tab key; arrow keys, Home and End move inside them.
(function (sb) {
  "use strict";
  const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

  const buttons = (box) => [...box.querySelectorAll("button")];

  // Exactly one button of the list can be tabbed to: the one last focused, else the first.
  function settle(box) {
    const all = buttons(box);
    const current = all.find((button) => button === document.activeElement) ||
      all.find((button) => button.tabIndex === 0) || all[0];
    for (const button of all) {
      const wanted = button === current ? 0 : -1;
      if (button.tabIndex !== wanted) button.tabIndex = wanted;
    }
  }

  function rove(box) {
    box.addEventListener("focusin", () => settle(box));
    box.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS)) return;
      const all = buttons(box);
      const at = all.indexOf(document.activeElement);
      if (at < 0) return;
      event.preventDefault();
      all[Math.min(all.length - 1, Math.max(0, at + STEPS[event.key]))].focus();
    });
  }

  sb.keys = { rove, settle };
})((window.silverbullet = window.silverbullet || {}));
