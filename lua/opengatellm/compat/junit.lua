--- Reports for programs that gather tests: XML as JUnit writes it, one suite a provider.
--
-- @module opengatellm.compat.junit
local core = require "opengatellm.core"

local M = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- A text as an attribute. XML 1.0 has no way to write control characters, U+FFFE and U+FFFF.
local function attribute(text)
  text = core.utf8_repair(text):gsub("%c", " "):gsub("\239\191[\190\191]", "\239\191\189")
  return (text:gsub('[&<>"]', ESCAPES))
end

local OUTCOMES = { fail = "failure", skip = "skipped" }

local function case_of(provider, result)
  local head = ('    <testcase classname="%s" name="%s" time="%.3f"')
    :format(attribute(provider.name), attribute(result.case), result.ms / 1000)
  local outcome = OUTCOMES[result.verdict]
  if not outcome then return head .. "/>" end
  return ('%s><%s message="%s"/></testcase>'):format(head, outcome, attribute(result.detail))
end

local function suite_of(provider)
  local counts, ms, lines = { pass = 0, fail = 0, skip = 0 }, 0, {}
  for i, result in ipairs(provider.results) do
    counts[result.verdict], ms, lines[i] = counts[result.verdict] + 1, ms + result.ms, case_of(provider, result)
  end
  table.insert(lines, 1, ('  <testsuite name="%s" tests="%d" failures="%d" errors="0" skipped="%d" time="%.3f">')
    :format(attribute(provider.name), #lines, counts.fail, counts.skip, ms / 1000))
  lines[#lines + 1] = "  </testsuite>"
  return table.concat(lines, "\n")
end

--- Writes the report.
---@param report ogl.compat.Report
---@return string
function M.xml(report)
  local counts, lines = report.counts, { '<?xml version="1.0" encoding="UTF-8"?>' }
  lines[2] = ('<testsuites name="ogl compat" tests="%d" failures="%d" errors="0" skipped="%d" time="%.3f">')
    :format(counts.pass + counts.fail + counts.skip, counts.fail, counts.skip, report.seconds)
  for _, provider in ipairs(report.providers) do lines[#lines + 1] = suite_of(provider) end
  lines[#lines + 1] = "</testsuites>"
  return table.concat(lines, "\n") .. "\n"
end

return M
