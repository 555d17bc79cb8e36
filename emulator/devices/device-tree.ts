/**
 * The device tree that the machine hands to firmware and kernels, built from the machine's parts: harts, memory,
 * whatever nodes the devices give, and what the loader chose. Node names, compatible strings and properties are
 * those of QEMU's `virt`, so software that looks for them finds them.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import type { Device, DeviceTreeNode, DeviceTreeValue } from '../machine/bus.ts';
import { TIMEBASE_HZ } from '../machine/config.ts';
import { Random } from '../random.ts';
import { flattenTree, TreeNode } from './fdt.ts';
import { MEMORY_MAP } from './memory-map.ts';
import { phandles, unitName } from './tree-names.ts';

/** Single-letter extensions, then the others, in the order of the ISA string (ISA manual, chapter "Naming"). */
const LETTERS = 'imafdc';
const EXTENSIONS = [
  'zicbom',
  'zicbop',
  'zicboz',
  'zicntr',
  'zicsr',
  'zifencei',
  'zba',
  'zbb',
  'zbs',
  'sstc',
] as const;
/** Widest translation that S-mode kernels may use. */
const MMU_TYPE = 'riscv,sv57';
const RNG_SEED_BYTES = 32;

/** What the tree is made from. */
export interface TreeParts {
  readonly harts: number;
  /** Main memory, in bytes. */
  readonly memory: { readonly base: number; readonly size: number };
  readonly devices: readonly Device[];
  /** Kernel command line. */
  readonly bootargs?: string;
  /** Physical addresses of the initial RAM disk: first byte, and one past the last. */
  readonly initrd?: { readonly start: number; readonly end: number };
  /** Seeds `/chosen/rng-seed`. */
  readonly seed: number;
  /** Extensions of our own for the ISA string: `xa_xb`. */
  readonly isa?: string;
}

/** The flattened device tree of a machine. */
export function buildDeviceTree(parts: TreeParts): Uint8Array<ArrayBuffer> {
  const root = new TreeNode('')
    .cells('#address-cells', 2)
    .cells('#size-cells', 2)
    .strings('compatible', 'riscv-virtio')
    .strings('model', 'riscv-virtio,licorice');
  addChosen(root, parts);
  const { base, size } = parts.memory;
  root.child(unitName('memory', base)).strings('device_type', 'memory').cells64('reg', base, size);
  addHarts(root, parts.harts, [...EXTENSIONS, ...(parts.isa?.split('_') ?? [])]);
  root
    .child('soc')
    .cells('#address-cells', 2)
    .cells('#size-cells', 2)
    .strings('compatible', 'simple-bus')
    .flag('ranges');
  for (const device of parts.devices) {
    for (const node of device.deviceTree?.() ?? []) addNode(root, node);
  }
  return flattenTree(root);
}

function addChosen(root: TreeNode, parts: TreeParts): void {
  const chosen = root.child('chosen');
  if (parts.bootargs !== undefined) chosen.strings('bootargs', parts.bootargs);
  if (parts.initrd) {
    chosen.cells64('linux,initrd-start', parts.initrd.start).cells64('linux,initrd-end', parts.initrd.end);
  }
  chosen
    .strings('stdout-path', `/soc/${unitName('serial', MEMORY_MAP.uart.base)}`)
    .bytes('rng-seed', new Random(parts.seed).bytes(RNG_SEED_BYTES));
}

function addHarts(root: TreeNode, harts: number, extensions: readonly string[]): void {
  const handles = phandles(harts);
  const cpus = root
    .child('cpus')
    .cells('#address-cells', 1)
    .cells('#size-cells', 0)
    .cells('timebase-frequency', TIMEBASE_HZ);
  for (let hart = 0; hart < harts; hart++) {
    cpus
      .child(unitName('cpu', hart))
      .cells('phandle', handles.cpus[hart]!)
      .strings('device_type', 'cpu')
      .cells('reg', hart)
      .strings('status', 'okay')
      .strings('compatible', 'riscv')
      .strings('riscv,isa', `rv64${LETTERS}_${extensions.join('_')}`)
      .strings('riscv,isa-base', 'rv64i')
      .strings('riscv,isa-extensions', ...LETTERS, ...extensions)
      .cells('riscv,cbom-block-size', CACHE_BLOCK_SIZE)
      .cells('riscv,cbop-block-size', CACHE_BLOCK_SIZE)
      .cells('riscv,cboz-block-size', CACHE_BLOCK_SIZE)
      .strings('mmu-type', MMU_TYPE)
      .child('interrupt-controller')
      .cells('#interrupt-cells', 1)
      .flag('interrupt-controller')
      .strings('compatible', 'riscv,cpu-intc')
      .cells('phandle', handles.cpuInterrupts[hart]!);
  }
  const cluster = cpus.child('cpu-map').child('cluster0');
  for (let hart = 0; hart < harts; hart++) cluster.child(`core${hart}`).cells('cpu', handles.cpus[hart]!);
}

/** Adds a device's node below its parent, which must exist. */
function addNode(root: TreeNode, node: DeviceTreeNode): void {
  const path = node.parent ?? '/soc';
  const parent = root.find(path);
  if (parent === undefined) throw new Error(`device tree node ${node.name}: no parent ${path}`);
  fill(parent.child(node.name), node);
}

function fill(target: TreeNode, node: DeviceTreeNode): void {
  for (const [name, value] of Object.entries(node.properties)) setProperty(target, name, value);
  for (const child of node.children ?? []) fill(target.child(child.name), child);
}

function setProperty(target: TreeNode, name: string, value: DeviceTreeValue): void {
  if (value === true) target.flag(name);
  else if (value instanceof Uint8Array) target.bytes(name, value);
  else if (typeof value === 'string') target.strings(name, value);
  else if (isStrings(value)) target.strings(name, ...value);
  else target.cells(name, ...value);
}

const isStrings = (value: readonly string[] | readonly number[]): value is readonly string[] =>
  typeof value[0] === 'string';
