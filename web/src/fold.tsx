/** Parts of a page with a heading. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

/** A part of the page that is opened when somebody wants it, and asked for only then. */
export function Fold({ title, children }: { title: string; children: () => ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {isOpen && children()}
    </details>
  );
}
