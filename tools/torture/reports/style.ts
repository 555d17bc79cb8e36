/** The style sheet of the HTML report: light and dark by the reader's setting, colours that differ in lightness too. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1c1c1e; --back: #fff; --muted: #6b6b70; --line: #d8d8dc; --soft: #f4f4f6;
  --lost: #c2242c; --reached: #b26a00; --persistent: #2f6fb0; --cleaned: #5d7f3a; --good: #1e7a3c; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8ea; --back: #17171a; --muted: #9a9aa0; --line: #3a3a40;
  --soft: #202024; --lost: #ff6b70; --reached: #ffb454; --persistent: #7ab8f5; --cleaned: #a5cf7c; --good: #6fd08c; } }
body, html { background: var(--back); color: var(--text); }
html { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; } h3 { font-size: .95rem; margin: 1.25rem 0 .25rem; }
header { border-left: .4rem solid; padding: .25rem 1rem; } header p { margin: 0; color: var(--muted); }
header.good { border-color: var(--good); } header.bad { border-color: var(--lost); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.25rem; } dt { color: var(--muted); } dd { margin: 0; }
code, pre { font: 13px/1.45 ui-monospace, Menlo, Consolas, monospace; }
pre { background: var(--soft); padding: .6rem .8rem; overflow-x: auto; margin: .25rem 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; } th { text-align: left; font-weight: 600; color: var(--muted); }
th, td { padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.call, .muted { color: var(--muted); } .call { padding-left: 1rem; font-size: .9em; } .hex { white-space: pre; }
mark { background: none; color: var(--lost); font-weight: 700; }
.number { color: var(--lost); } .good { color: var(--good); } header.good, header.bad { color: var(--text); }
.lost, .lost text { color: var(--lost); fill: var(--lost); } .reached, .reached text { color: var(--reached); fill: var(--reached); }
.persistent, .persistent text { color: var(--persistent); fill: var(--persistent); }
.cleaned, .cleaned text { color: var(--cleaned); fill: var(--cleaned); }
.redundant, .redundant text { color: var(--muted); fill: var(--muted); }
.timeline { font: 11px ui-monospace, Menlo, Consolas, monospace; } .timeline text { fill: currentColor; }
.timeline .lane { fill: var(--soft); } .timeline .odd { fill: none; } .timeline .label { fill: var(--muted); }
.timeline line { stroke: var(--line); stroke-width: 2; } .timeline .begin line, .timeline .acknowledge line { stroke-dasharray: 3 3; }
.timeline .failure line { stroke: var(--lost); stroke-width: 3; } .timeline .failure text { fill: var(--lost); font-size: 15px; }
.timeline .event:hover text { font-weight: 700; } .finding { border-top: 1px solid var(--line); margin-top: 2rem; }
`;
