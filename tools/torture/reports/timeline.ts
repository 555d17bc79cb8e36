/**
 * A finding's timeline as SVG: a lane for each cache block, an event in each column in the order in which they
 * happened, fences and operations across all lanes. What became of a store in the failing image is told by its colour
 * and, for those who cannot see that, by its sign. Only the last events before the failure are drawn.
 */
import type { EventJson } from '../format.ts';
import { element, escapeMarkup } from './markup.ts';
import { placeInFunction } from './wording.ts';

/** Events drawn at most. */
export const TIMELINE_EVENTS = 300;

const COLUMN = 16;
const LANE = 22;
const LABEL = 96;
const TOP = 34;

const BLOCK_BYTES = 64;

/** How an event looks in its lane: a class of the style sheet, and a sign. */
function look({ kind, fate, redundant }: EventJson): { style: string; sign: string } {
  switch (kind) {
    case 'store':
    case 'zero':
      return fate === 'lost'
        ? { style: 'lost', sign: '✕' }
        : fate === 'reached'
          ? { style: 'reached', sign: '●' }
          : { style: 'persistent', sign: '■' };
    case 'clean':
    case 'flush':
    case 'inval':
      return { style: redundant === true ? 'redundant' : 'cleaned', sign: kind === 'inval' ? '⌫' : '▲' };
    default:
      return { style: kind, sign: '' };
  }
}

function describe(event: EventJson): string {
  const { kind, address, size, value, operation, fate, redundant, instruction, hart, level } = event;
  const what =
    kind === 'begin' || kind === 'acknowledge'
      ? `operation ${operation} ${kind === 'begin' ? 'begins' : 'acknowledged'}`
      : kind === 'failure'
        ? 'power fails'
        : kind;
  const where = address === undefined ? '' : ` ${size === undefined ? '' : `${size} bytes `}at ${address}`;
  const more = [
    value === undefined ? '' : ` = ${value}`,
    fate === undefined ? '' : `, ${fate === 'reached' ? 'reached the media before its time' : fate}`,
    redundant === true ? ', redundant' : '',
  ].join('');
  const run = level > 0 ? `recovery ${level}, ` : '';
  return `${what}${where}${more}\n${placeInFunction(event.place)}\n${run}hart ${hart}, instruction ${instruction}`;
}

function columnOf(event: EventJson, x: number, y: number | undefined, height: number): string {
  const { style, sign } = look(event);
  const title = element('title', {}, escapeMarkup(describe(event)));
  const middle = x + COLUMN / 2;
  if (y !== undefined)
    return element('g', { class: `event ${style}` }, [
      title,
      element('text', { x: middle, y: y + 15, 'text-anchor': 'middle' }, sign),
    ]);
  const label =
    event.kind === 'fence'
      ? ''
      : event.kind === 'failure'
        ? '⚡'
        : `${event.kind === 'begin' ? '⟨' : '⟩'}${event.operation}`;
  return element('g', { class: `event ${style}` }, [
    title,
    element('line', { x1: middle, x2: middle, y1: TOP - 8, y2: height }),
    element('text', { x: middle, y: TOP - 14, 'text-anchor': 'middle' }, label),
  ]);
}

/** @returns an `svg` element, or '' when there are no events */
export function timelineSvg(events: readonly EventJson[]): string {
  const shown = events.slice(-TIMELINE_EVENTS);
  if (shown.length === 0) return '';
  const blockOf = ({ address }: EventJson): number | undefined =>
    address === undefined ? undefined : Math.floor(Number(address) / BLOCK_BYTES);
  const blocks = [...new Set(shown.map(blockOf))]
    .filter((block): block is number => block !== undefined)
    .sort((a, b) => a - b);
  const lanes = new Map(blocks.map((block, i) => [block, TOP + i * LANE]));
  const width = LABEL + shown.length * COLUMN + 8;
  const height = TOP + blocks.length * LANE + 4;
  return element(
    'svg',
    {
      class: 'timeline',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': 'timeline of stores, flushes and fences',
    },
    [
      ...blocks.map((block, i) => {
        const y = lanes.get(block)!;
        return [
          element('rect', { class: i % 2 === 0 ? 'lane' : 'lane odd', x: 0, y, width, height: LANE }),
          element('text', { class: 'label', x: 4, y: y + 15 }, `0x${(block * BLOCK_BYTES).toString(16)}`),
        ].join('');
      }),
      ...shown.map((event, i) => {
        const block = blockOf(event);
        return columnOf(
          event,
          LABEL + i * COLUMN,
          block === undefined ? undefined : lanes.get(block),
          height,
        );
      }),
    ],
  );
}
