/** The command line at the bottom of the screen: a line of text that is edited, with history and completion. */
import type { Key } from './terminal.ts';

export class Prompt {
  text = '';
  /** Characters before the cursor. */
  cursor = 0;
  private readonly history: string[] = [];
  private at = 0;
  /** Completions that Tab goes through. */
  private candidates: readonly string[] = [];
  private candidate = -1;

  constructor(private readonly complete: (line: string) => readonly string[]) {}

  set(text: string): void {
    this.text = text;
    this.cursor = text.length;
    this.candidate = -1;
  }

  /** Takes the line out, into the history. */
  take(): string {
    const { text } = this;
    if (text.trim() !== '' && this.history.at(-1) !== text) this.history.push(text);
    this.at = this.history.length;
    this.set('');
    return text;
  }

  /** What Tab could put here, when it is not certain. */
  get choices(): readonly string[] {
    return this.candidate >= 0 && this.candidates.length > 1 ? this.candidates : [];
  }

  /** Edits. False: the key is no editing key. */
  key({ name, character }: Key): boolean {
    if (name !== 'tab' && name !== 'S-tab') this.candidate = -1;
    switch (name) {
      case 'left':
        this.cursor = Math.max(this.cursor - 1, 0);
        return true;
      case 'right':
        this.cursor = Math.min(this.cursor + 1, this.text.length);
        return true;
      case 'home':
      case 'C-a':
        this.cursor = 0;
        return true;
      case 'end':
      case 'C-e':
        this.cursor = this.text.length;
        return true;
      case 'up':
        this.recall(-1);
        return true;
      case 'down':
        this.recall(1);
        return true;
      case 'backspace':
        if (this.cursor === 0) return this.text !== '';
        this.text = this.text.slice(0, this.cursor - 1) + this.text.slice(this.cursor);
        this.cursor--;
        return true;
      case 'delete':
        this.text = this.text.slice(0, this.cursor) + this.text.slice(this.cursor + 1);
        return true;
      case 'C-u':
        this.set('');
        return true;
      case 'C-w': {
        const kept = this.text.slice(0, this.cursor).replace(/\S+\s*$/, '');
        this.text = kept + this.text.slice(this.cursor);
        this.cursor = kept.length;
        return true;
      }
      case 'tab':
      case 'S-tab':
        this.tab(name === 'tab' ? 1 : -1);
        return true;
    }
    if (character === undefined || character.length !== 1 || character < ' ') return false;
    this.text = this.text.slice(0, this.cursor) + character + this.text.slice(this.cursor);
    this.cursor++;
    return true;
  }

  private recall(by: number): void {
    this.at = Math.min(Math.max(this.at + by, 0), this.history.length);
    this.set(this.history[this.at] ?? '');
  }

  private tab(by: number): void {
    if (this.candidate < 0) {
      this.candidates = this.complete(this.text);
      if (this.candidates.length === 0) return;
      const common = commonBeginning(this.candidates);
      if (this.candidates.length > 1 && common.length > this.text.length) {
        this.text = common;
        this.cursor = common.length;
        return;
      }
      this.candidate = by > 0 ? 0 : this.candidates.length - 1;
    } else this.candidate = (this.candidate + by + this.candidates.length) % this.candidates.length;
    this.text = this.candidates[this.candidate]!;
    this.cursor = this.text.length;
    if (this.candidates.length === 1) {
      this.text += ' ';
      this.cursor++;
      this.candidate = -1;
    }
  }
}

function commonBeginning(words: readonly string[]): string {
  let common = words[0] ?? '';
  for (const word of words) while (!word.startsWith(common)) common = common.slice(0, -1);
  return common;
}
