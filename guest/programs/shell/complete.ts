/** Completion at the Tab key: names of commands for the first word of a command, names of objects elsewhere. */
import { KsoList } from '../../abi/kso.ts';
import { NameEntry, NameType } from '../../abi/name.ts';
import { ObjectId, READ } from '../../abi/object.ts';
import { ROOT_ARCHIVE, SYS_ROOT } from '../../abi/syscall.ts';
import { readError } from '../../libtwz/attempt.ts';
import { insertText, showChoice, startChoices } from '../../libtwz/line.ts';
import { archiveName, Found, isUsed, lookup, nameOf, openNamespace } from '../../libtwz/name.ts';
import { dataOf, openObject } from '../../libtwz/object.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { mapObject } from '../../libtwz/view.ts';
import { BUILTINS, UTILITIES } from '../utilities/names.ts';
import { isOperatorByte } from './lexer.ts';

/** What the names found so far have in common, beyond what was typed. */
const common = zeroed<FixedArray<u8, 128>>();
let commonLength: u64 = 0;
let found0: u64 = 0;
let listing = false;

/** Looks at a name; `end` is what follows it when it is the only one. */
function consider(name: str, typed: str, end: u8): void {
  if (name.length < typed.length || !name.subslice(0, typed.length).equals(typed)) return;
  if (typed.length === 0 && name[0] === u8('.')) return;
  if (listing) {
    showChoice(name, end === u8('/'));
    return;
  }
  const rest = name.subslice(typed.length);
  found0++;
  if (found0 === 1) {
    commonLength = min<u64>(rest.length, 127);
    memory.copy(addressOf(common), rest.ptr.address, commonLength);
    common[commonLength] = end;
    return;
  }
  let same: u64 = 0;
  while (same < commonLength && same < rest.length && common[same] === rest[same]) same++;
  commonLength = same;
}

function considerCommands(typed: str): void {
  for (const utility of UTILITIES) consider(utility.name, typed, u8(' '));
  for (const builtIn of BUILTINS) consider(builtIn.name, typed, u8(' '));
  const archive = stack<ObjectId>();
  if (syscall(SYS_ROOT, ROOT_ARCHIVE, addressOf(archive), 0, 0, 0) !== 0) return;
  const base = mapObject(archive.lo, archive.hi, READ);
  const list = at<KsoList>(dataOf(base));
  for (let i: u64 = 0; i < list.count; i++) {
    const name = archiveName(base, i);
    if (!name.equals('utils') && !name.equals('init')) consider(name, typed, u8(' '));
  }
}

function considerNames(folder: str, typed: str): void {
  const found = stack<Found>();
  if (lookup(folder.length === 0 ? '.' : folder, found) !== 0 || found.type !== NameType.namespace) return;
  if (readError(dataOf(openObject(found.id))) !== 0) return;
  const namespace = openNamespace(found.id);
  if (namespace === null) return;
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (!isUsed(entry)) continue;
    consider(
      nameOf(entry),
      typed,
      changetype<NameType>(entry.type) === NameType.namespace ? u8('/') : u8(' '),
    );
  }
}

function considerAll(folder: str, typed: str, isCommand: bool): void {
  if (isCommand && folder.length === 0) considerCommands(typed);
  else considerNames(folder, typed);
}

/** Completes the word before the cursor in `line`; if several names are possible and have nothing more in common, lists them. */
export function complete(line: str): void {
  let start = line.length;
  while (start > 0 && line[start - 1] !== u8(' ') && !isOperatorByte(line[start - 1])) start--;
  let before = start;
  while (before > 0 && line[before - 1] === u8(' ')) before--;
  const isCommand =
    before === 0 ||
    (isOperatorByte(line[before - 1]) && line[before - 1] !== u8('<') && line[before - 1] !== u8('>'));
  const word = line.subslice(start);
  let slash: u64 = 0;
  for (let i: u64 = 0; i < word.length; i++) if (word[i] === u8('/')) slash = i + 1;
  const folder = word.subslice(0, slash);
  const typed = word.subslice(slash);
  found0 = 0;
  listing = false;
  considerAll(folder, typed, isCommand);
  if (found0 === 0) return;
  if (found0 === 1) commonLength++;
  if (commonLength !== 0) {
    insertText(strOf(common.ptr, commonLength));
    return;
  }
  startChoices();
  listing = true;
  considerAll(folder, typed, isCommand);
  showChoice('', false);
}
