/**
 * The report of a campaign as one HTML page that needs nothing else: no scripts, no fonts, no network. For each
 * finding: what is missing, the stores with their source lines and calls, the fixes that were tried, a timeline, and
 * the failing image beside what the program saw. Equal campaigns give equal pages.
 */
import type {
  AdviceJson,
  BlockJson,
  CrashPointJson,
  FindingJson,
  FixJson,
  StoreJson,
  TortureReport,
} from '../format.ts';
import { element, escapeMarkup } from './markup.ts';
import { STYLE } from './style.ts';
import { TIMELINE_EVENTS, timelineSvg } from './timeline.ts';
import {
  callersOf,
  coverage,
  findingTitle,
  placeInFunction,
  schedulesText,
  sharePercent,
  whenText,
} from './wording.ts';

const text = (name: string, content: string, style = ''): string =>
  element(name, style === '' ? {} : { class: style }, escapeMarkup(content));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return element('div', { class: 'scroll' }, [
    element('table', {}, [
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          head.map((one) => text('th', one)),
        ),
      ),
      element(
        'tbody',
        {},
        rows.map((cells) =>
          element(
            'tr',
            {},
            cells.map((cell) => element('td', {}, cell)),
          ),
        ),
      ),
    ]),
  ]);
}

function storeRow(store: StoreJson, fate: 'lost' | 'reached'): string[] {
  const calls = callersOf(store).map((call) => text('div', `called from ${placeInFunction(call)}`, 'call'));
  const state = store.missing === 'fence' ? 'written back, no fence completed it' : 'never written back';
  return [
    text('span', fate === 'lost' ? '✕ lost' : '● too early', fate),
    `${text('code', placeInFunction(store))}${calls.join('')}`,
    escapeMarkup(`${store.size} bytes at ${store.address}${store.hart < 0 ? ' (a device)' : ''}`),
    text('code', store.value),
    fate === 'lost' ? escapeMarkup(state) : '',
  ];
}

function fixItem({ text: what, works, findingsLeft }: FixJson): string {
  const result = works
    ? findingsLeft === 0
      ? 'tried: this finding is gone, and no other is left'
      : `tried: this finding is gone; ${findingsLeft} others are left`
    : 'tried: it does not help';
  return element('li', {}, [escapeMarkup(what), ' ', text('span', result, works ? 'good' : 'muted')]);
}

/** The bytes of a block, those that differ from the other picture of it marked. */
function hexRow(bytes: string, other: string): string {
  const cells: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) {
    const byte = bytes.slice(i, i + 2);
    if (i > 0) cells.push(i % 32 === 0 ? '\n' : i % 16 === 0 ? '  ' : ' ');
    cells.push(byte === other.slice(i, i + 2) ? byte : element('mark', {}, byte));
  }
  return element('code', { class: 'hex' }, cells);
}

function imageTable(blocks: readonly BlockJson[]): string {
  return table(
    ['block', 'what recovery finds', 'what the program saw'],
    blocks.map(({ address, failing, visible }) => [
      text('code', address),
      hexRow(failing, visible),
      hexRow(visible, failing),
    ]),
  );
}

function findingSection(finding: FindingJson, number: number): string {
  const stores = [
    ...finding.lost.map((store) => storeRow(store, 'lost')),
    ...finding.early.map((store) => storeRow(store, 'reached')),
  ];
  const skipped = finding.timeline.length - TIMELINE_EVENTS;
  const parts = [
    element('h2', {}, [text('span', String(number), 'number'), ' ', escapeMarkup(findingTitle(finding))]),
    text(
      'p',
      `${whenText(finding)}; recovery ${finding.outcome}. Power fails before ${placeInFunction(finding.crashPlace)}.`,
    ),
  ];
  if (finding.crashPoints > 1)
    parts.push(text('p', `The same stores fail so at ${finding.crashPoints} crash points.`, 'muted'));
  if (stores.length > 0)
    parts.push(
      text('h3', finding.minimal ? 'Stores (giving any one lost store back passes)' : 'Stores'),
      table(['', 'store', 'bytes', 'value', 'state'], stores),
    );
  else parts.push(text('p', 'Every store reached the media: it is recovery, or the order of operations.'));
  if (finding.fixes.length > 0)
    parts.push(text('h3', 'Fixes'), element('ul', {}, finding.fixes.map(fixItem)));
  if (finding.timeline.length > 0)
    parts.push(
      text('h3', 'Timeline'),
      ...(skipped > 0
        ? [text('p', `the last ${TIMELINE_EVENTS} events; ${skipped} before them are not shown`, 'muted')]
        : []),
      element('div', { class: 'scroll' }, timelineSvg(finding.timeline)),
    );
  if (finding.image.length > 0) parts.push(text('h3', 'Failing image'), imageTable(finding.image));
  if (finding.output !== '') parts.push(text('h3', 'Recovery printed'), text('pre', finding.output));
  parts.push(
    text('h3', 'Again'),
    text('pre', `licorice torture replay ${finding.seed}\nlicorice debug ${finding.seed}`),
  );
  return element('section', { id: `finding-${number}`, class: 'finding' }, parts);
}

const adviceRow = ({ kind, about, place, stores, loads = [], count, operation }: AdviceJson): string[] => [
  escapeMarkup(kind),
  escapeMarkup(about),
  `${text('code', placeInFunction(place))}${loads.map((load) => text('div', `loaded at ${placeInFunction(load)}`, 'call')).join('')}${stores.map((store) => text('div', `store at ${placeInFunction(store)}`, 'call')).join('')}`,
  String(count),
  operation === 0 ? '' : String(operation),
];

function pointRow(point: CrashPointJson): string[] {
  const nested = point.nested.map(
    (level, i) =>
      `depth ${i + 1}: ${level.crashPoints} crash points, ${level.runs} runs${level.exhaustive ? '' : ' (sampled)'}`,
  );
  return [
    String(point.index),
    escapeMarkup(point.kind),
    text('code', placeInFunction(point.place)),
    point.acknowledged === 0 ? '' : String(point.acknowledged),
    escapeMarkup(point.legalImages),
    String(point.classes),
    String(point.runs),
    point.exhaustive ? 'all' : `${sharePercent(point.coveredImages, point.legalImages)} %, sampled`,
    escapeMarkup(nested.join('; ')),
  ];
}

const LEGEND: readonly (readonly [string, string, string])[] = [
  ['lost', '✕', 'store, lost in this image'],
  ['reached', '●', 'store, on the media before its time'],
  ['persistent', '■', 'store, as it should be'],
  ['cleaned', '▲', 'clean or flush of a block'],
  ['redundant', '▲', 'redundant'],
];

/** @returns a whole document */
export function htmlReport(report: TortureReport): string {
  const { program, findings, advice, crashPoints, options } = report;
  const title = `${program.name}: ${findings.length === 0 ? 'no findings' : `${findings.length} finding${findings.length === 1 ? '' : 's'}`}`;
  const summary = [
    ['explicit states (runs of recovery)', String(report.runs)],
    ['represented states (legal images)', report.coveredImages],
    ['crash points', String(crashPoints.length)],
    ['failures within recovery', options.depth > 0 ? `to depth ${options.depth}` : 'not explored'],
    ['program', `${program.name} (${program.kind}, ${program.fingerprint})`],
    [
      'options',
      `memory ${options.memory}, NVDIMM ${options.nvdimm} bytes, budget ${options.budget}, seed ${options.seed}`,
    ],
    ...(report.shard === undefined
      ? []
      : [['shard', `${report.shard.index} of ${report.shard.count}: a part of the campaign only`]]),
  ];
  const body = [
    element('header', { class: findings.length === 0 ? 'good' : 'bad' }, [
      text('h1', title),
      text('p', coverage(report)),
      ...(report.schedules ? [text('p', schedulesText(report.schedules))] : []),
    ]),
    element(
      'dl',
      {},
      summary.map(([name, value]) => text('dt', name!) + text('dd', value!)),
    ),
    ...(findings.length === 0
      ? []
      : [
          element(
            'ol',
            { class: 'contents' },
            findings.map((finding, i) =>
              element(
                'li',
                {},
                element('a', { href: `#finding-${i + 1}` }, escapeMarkup(findingTitle(finding))),
              ),
            ),
          ),
          element(
            'p',
            { class: 'legend' },
            LEGEND.map(([style, sign, what]) => `${element('span', { class: style }, sign)} ${what} &ensp; `),
          ),
        ]),
    ...findings.map((finding, i) => findingSection(finding, i + 1)),
    ...(report.unreduced > 0
      ? [text('p', `${report.unreduced} failing classes need a torn cbo.zero, and are not shown as cases.`)]
      : []),
    ...(advice.length === 0
      ? []
      : [
          text('h2', 'Seen without any oracle'),
          table(['what', 'about', 'where', 'times', 'operation'], advice.map(adviceRow)),
        ]),
    text('h2', 'Crash points'),
    table(
      ['', 'kind', 'before', 'acknowledged', 'legal images', 'classes', 'runs', 'explored', 'nested'],
      crashPoints.map(pointRow),
    ),
  ];
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    text('title', title),
    element('style', {}, STYLE),
    ...body,
    '</html>',
    '',
  ].join('\n');
}
