/**
 * The flattened device tree (Devicetree Specification 0.4, chapter 5), as far as the kernel asks: where memory, NVDIMM and boot archive
 * are, how many harts there are, how fast time runs.
 */

const MAGIC: u32 = 0xd00d_feed;
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOP: u32 = 4;

/** What the device tree says. Sizes are 0 for what is not there. */
export class MachineInfo {
  memoryStart: u64;
  memorySize: u64;
  nvdimmStart: u64;
  nvdimmSize: u64;
  /** Controller of the NVDIMM (docs/nvdimm.md), 0 = none. */
  nvdimmController: u64;
  initrdStart: u64;
  initrdEnd: u64;
  harts: u64;
  timebase: u64;
  /** Seed for random numbers. */
  seed: usize;
  seedSize: u64;
  /** The command line has the word `quiet`. */
  quiet: bool;
  /** Where the tree itself is. */
  treeStart: u64;
  treeSize: u64;
}

function word(address: usize): u32 {
  return bswap<u32>(load<u32>(address));
}

/** One or two cells. */
function number(value: usize, size: u32): u64 {
  if (size === 4) return u64(word(value));
  return (u64(word(value)) << 32) | u64(word(value + 4));
}

/** The zero-terminated text at an address. */
function text(address: usize): str {
  let length: usize = 0;
  while (load<u8>(address + length) !== 0) length++;
  return strOf(at<Ptr<u8>>(address), length);
}

function startsWith(name: str, prefix: str): bool {
  return (
    name.length >= prefix.length && memory.compare(name.ptr.address, prefix.ptr.address, prefix.length) === 0
  );
}

/** Is `word` one of the words of `line`? */
function hasWord(line: str, word: str): bool {
  let start: u64 = 0;
  for (let i: u64 = 0; i <= line.length; i++) {
    if (i < line.length && line[i] !== u8(' ')) continue;
    if (line.subslice(start, i).equals(word)) return true;
    start = i + 1;
  }
  return false;
}

/** Reads the tree at a kernel address; false if there is none. Assumes two address and two size cells, as on `virt`. */
export function readDeviceTree(tree: usize, info: MachineInfo): bool {
  if (word(tree) !== MAGIC) return false;
  info.treeSize = u64(word(tree + 4));
  const strings = tree + usize(word(tree + 12));
  let at0 = tree + usize(word(tree + 8));
  let node = '';
  for (;;) {
    const token = word(at0);
    at0 += 4;
    if (token === BEGIN_NODE) {
      node = text(at0);
      at0 += (node.length + 4) & ~u64(3);
      if (startsWith(node, 'cpu@')) info.harts++;
    } else if (token === PROPERTY) {
      const size = word(at0);
      const name = text(strings + usize(word(at0 + 4)));
      property(info, node, name, at0 + 8, size);
      at0 += 8 + ((u64(size) + 3) & ~u64(3));
    } else if (token !== END_NODE && token !== NOP) return true;
  }
}

function property(info: MachineInfo, node: str, name: str, value: usize, size: u32): void {
  if (name.equals('reg') && size >= 16) {
    if (startsWith(node, 'memory@')) {
      info.memoryStart = number(value, 8);
      info.memorySize = number(value + 8, 8);
    } else if (startsWith(node, 'pmem@')) {
      info.nvdimmStart = number(value, 8);
      info.nvdimmSize = number(value + 8, 8);
    } else if (startsWith(node, 'nvdimm@')) info.nvdimmController = number(value, 8);
  } else if (name.equals('timebase-frequency')) info.timebase = number(value, size);
  else if (name.equals('linux,initrd-start')) info.initrdStart = number(value, size);
  else if (name.equals('linux,initrd-end')) info.initrdEnd = number(value, size);
  else if (name.equals('bootargs')) info.quiet = hasWord(text(value), 'quiet');
  else if (name.equals('rng-seed')) {
    info.seed = value;
    info.seedSize = u64(size);
  }
}
