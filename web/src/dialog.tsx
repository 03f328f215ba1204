/** Asks before something is done. The browser's own dialog keeps the focus inside and closes at Esc. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Question } from "./desk.ts";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={heading} onClose={onClose}>
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}

/** The harmless button comes first, and has the focus. */
export function ConfirmDialog({ question, onAnswer }: { question: Question; onAnswer: (isYes: boolean) => void }) {
  return (
    <Dialog title={question.title} onClose={() => onAnswer(false)}>
      <p>{question.text}</p>
      <div class="buttons">
        <button type="button" onClick={() => onAnswer(false)}>
          Back
        </button>
        <button type="button" class={question.isDangerous ? "danger" : "primary"} onClick={() => onAnswer(true)}>
          {question.action}
        </button>
      </div>
    </Dialog>
  );
}
