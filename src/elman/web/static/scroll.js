// A shadow at each edge of a box behind which there is more to scroll to.

import { h } from "./dom.js";

/** A frame around a box that scrolls; `frame.look()` after its content has changed. */
export function scrolling(box, signal) {
  const frame = h("div", { class: "scrolling" }, box);
  frame.look = () => {
    const { scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth, scrollHeight } = box;
    frame.classList.toggle("more-left", scrollLeft > 1);
    frame.classList.toggle("more-right", scrollLeft + clientWidth < scrollWidth - 1);
    frame.classList.toggle("more-above", scrollTop > 1);
    frame.classList.toggle("more-below", scrollTop + clientHeight < scrollHeight - 1);
  };
  box.addEventListener("scroll", frame.look, { passive: true });
  const sizes = new ResizeObserver(frame.look);
  sizes.observe(box);
  signal.addEventListener("abort", () => sizes.disconnect());
  return frame;
}
