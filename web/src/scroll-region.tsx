/** A part that scrolls by itself. The keyboard must reach it to scroll it (WCAG 2.2, 2.1.1), so it can have the focus. */
import type { ComponentChildren, Ref } from "preact";

const FOCUSABLE = { tabIndex: 0 };

interface ScrollRegionProps {
  readonly label: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly innerRef?: Ref<HTMLElement> | undefined;
}

export function ScrollRegion({ label, children, class: name = "scrolls", innerRef = null }: ScrollRegionProps) {
  return (
    <section ref={innerRef} class={name} aria-label={label} {...FOCUSABLE}>
      {children}
    </section>
  );
}
