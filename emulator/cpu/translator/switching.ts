/**
 * For tests: a translator that changes between translated code and the interpreter at random, every few hundred
 * instructions. What it leaves behind must not depend on where it changed.
 */
import type { HostAddr } from '../../addresses.ts';
import { randomNumbers } from '../isa/random-operands.ts';
import { Exit, HART } from '../state.ts';
import { Translator } from './translator.ts';

export class SwitchingTranslator extends Translator {
  private readonly next = randomNumbers(7);

  override run(hart: HostAddr): Exit {
    const { view } = this.memory;
    for (;;) {
      const total = view.getInt32(hart + HART.budget, true);
      const part = Math.min(total, 1 + (this.next() % 500));
      view.setInt32(hart + HART.budget, part, true);
      const exit = this.next() & 1 ? super.run(hart) : this.runInterpreted(hart);
      const left = view.getInt32(hart + HART.budget, true);
      const rest = total - part + left;
      view.setInt32(hart + HART.budget, rest, true);
      if (exit !== Exit.Budget || rest <= 0) return exit;
    }
  }
}
