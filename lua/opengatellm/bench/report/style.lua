--- The style sheet of the page.
--
-- Colours are Okabe's and Ito's, which people tell apart whatever colours they see, made darker for white and lighter for black until each
-- stands out from the page by 3 to 1. The page has no colours of its own beside them, so that paper and both themes need one list each.
--
-- @module opengatellm.bench.report.style
local M = {}

--- The colours of providers, in order: on a light page and on a dark one, each with the page's own.
M.LIGHT = { page = "#ffffff", "#004f8c", "#d55e00", "#009464", "#c060a4", "#5f4700", "#1f8fc4", "#4a4a4a", "#b01030" }
M.DARK = { page = "#15181c", "#3d94dd", "#e8743a", "#3fcf9f", "#e79bcd", "#f5e06a", "#9fdcff", "#d0d0d0", "#ff8c9b" }

local function variables(colours, rest)
  local parts = {}
  for i, colour in ipairs(colours) do parts[i] = ("--s%d:%s;"):format(i, colour) end
  return ("--page:%s;%s%s"):format(colours.page, table.concat(parts), rest)
end

local LIGHT_REST = "--text:#1b1f24;--soft:#555d66;--line:#dfe3e8;--card:#f6f8fa;--bad:#b01030"
local DARK_REST = "--text:#e8eaed;--soft:#a7b0ba;--line:#333a42;--card:#1d2227;--bad:#ff8c9b"

local RULES = [[
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1180px;padding:1.5rem 1rem 3rem;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.3rem;margin:2.8rem 0 .6rem;padding-top:.6rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:0}
p{margin:.4rem 0}
.soft,figcaption p,caption{color:var(--soft);font-size:.875rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:1rem;margin:1.4rem 0 0;padding:0;list-style:none}
.tile{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--c);border-radius:8px;padding:.9rem 1.1rem}
.tile dl{display:grid;grid-template-columns:repeat(2,1fr);gap:.7rem 1rem;margin:.8rem 0 0}
.tile dt{color:var(--soft);font-size:.8rem;line-height:1.3}
.tile dd{margin:0;font-size:1.35rem;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.3}
.tile dd small{font-size:.8rem;font-weight:400;color:var(--soft)}
.mark-note{border-left:4px solid var(--s5);padding:.3rem .8rem;background:var(--card)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:1.6rem 2rem;margin-top:1rem}
figure{margin:0;min-width:0;break-inside:avoid}
figcaption{margin-bottom:.4rem}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;list-style:none;margin:.15rem 0 0;padding:0;font-size:.875rem}
.legend svg{width:14px;height:14px;vertical-align:-2px;margin-right:.35rem}
.chart{display:block;width:100%;height:auto;max-width:560px}
.chart text{fill:var(--text);font-size:12px;font-variant-numeric:tabular-nums;unicode-bidi:plaintext;
paint-order:stroke;stroke:var(--page);stroke-width:3px;stroke-linejoin:round}
.chart .axis{fill:var(--soft)}
.grid{stroke:var(--line);stroke-width:1}
.limit{stroke:var(--bad);stroke-width:1.2;stroke-dasharray:5 4}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
.range{fill:none;stroke:var(--c);stroke-width:1.4}
.mark{fill:var(--c);stroke:var(--page);stroke-width:1}
.dot{fill-opacity:.55;stroke:none}
.cross{fill:none;stroke:var(--c);stroke-width:2.2}
.bar{fill:var(--c);stroke:var(--c)}
.bar.incomplete{fill:url(#wide)}
.bar.error{fill:url(#close)}
.bar.dropped{fill:none;stroke-dasharray:3 3}
pattern path{stroke:var(--text)}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;min-width:100%}
caption{text-align:left;padding:.2rem 0 .4rem}
th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
thead th{color:var(--soft);font-weight:600;vertical-align:bottom}
tbody th{font-weight:400}
tbody th.group{font-weight:600;padding-top:.9rem}
.words th,.words td{white-space:normal;text-align:left;vertical-align:top}
.words th{width:min(16rem,40%)}
code,pre{font:.85em ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
pre{white-space:pre-wrap;margin:.3rem 0;padding:.5rem .7rem;background:var(--card);border:1px solid var(--line);border-radius:6px}
.errors{padding-left:1.2rem}
a{color:inherit}
@media print{body{max-width:none;padding:0;font-size:11pt}.scroll{overflow:visible}.charts{grid-template-columns:1fr 1fr}
h2{break-after:avoid}tr{break-inside:avoid}}
]]

local function classes()
  local parts = {}
  for i in ipairs(M.LIGHT) do parts[i] = (".s%d{--c:var(--s%d)}"):format(i, i) end
  return table.concat(parts)
end

--- The whole style sheet.
M.TEXT = (":root{color-scheme:light dark;%s}\n@media screen and (prefers-color-scheme:dark){:root{%s}}\n%s%s"):format(
  variables(M.LIGHT, LIGHT_REST), variables(M.DARK, DARK_REST), RULES, classes())

return M
