/** Two copies of a configuration page, and a word that says which one holds. The word is switched before the new copy is complete. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { persist, storePersistent } from 'licorice/libtwz/persist.ts';
import {
  finish,
  makeSubject,
  mix,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;
const WORDS: u64 = 12;

/** @align 64 */
@persistent
class Page {
  readonly words: FixedArray<u64, 12>;
}

/** @align 64 */
@persistent
class Config {
  current: u64;
  readonly pages: FixedArray<Inline<Page>, 2>;
}

function config(): Config {
  return at<Config>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const made = at<Config>(allocateIn(tx, base, sizeof<Config>()));
  for (let i: u64 = 0; i < WORDS; i++) made.pages[0].words[i] = i;
  setSubjectRoot(tx, base, addressOf(made));
}

function select(page: u64): void {
  storePersistent(ptrTo(config().current).address, page); // too early
}

function fill(page: Page, generation: u64): void {
  for (let i: u64 = 0; i < WORDS; i++) page.words[i] = generation * 100 + i; // guilty
  persist(addressOf(page), sizeof<Page>());
}

function operation(index: u64): void {
  const next = 1 - config().current;
  if (BUGGY) select(next);
  fill(config().pages[next], index);
  if (!BUGGY) select(next);
}

function check(): u64 {
  const page = config().pages[config().current];
  const first = page.words[0];
  for (let i: u64 = 0; i < WORDS; i++) if (page.words[i] !== first + i) finish(2);
  return mix(0, first);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
