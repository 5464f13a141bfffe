--- `ogl doctor`: what is installed, configured and reachable, each failure with its remedy.
--
-- Exit status: 0 nothing failed (there may be warnings), 1 something failed, 2 wrong usage. No key is shown.
--
-- @module opengatellm.cli.doctor
local common = require "opengatellm.cli.common"
local installed = require "opengatellm.cli.doctor.installed"

local M = {}

--- Declares the options of `ogl doctor`.
---@param command table a command of argparse
function M.configure(command)
  common.configure(command)
  command:flag("--json", "Print the findings as JSON.")
  command:epilog "Exit status: 0 nothing failed, 1 something failed, 2 wrong usage."
end

---@class ogl.doctor.Area
---@field name string
---@field findings ogl.doctor.Finding[]

-- Without the modules of C nothing else can be asked.
local function is_whole() return (pcall(require, "opengatellm.core")) and (pcall(require, "opengatellm.system")) end

---@return ogl.doctor.Area[]
local function examine(arguments)
  local areas = { { name = "installed", findings = installed.findings() } }
  if not is_whole() then return areas end
  local findings, client = require "opengatellm.cli.doctor.configured".findings(arguments)
  areas[2] = { name = "configured", findings = findings }
  if client and (pcall(require, "opengatellm.curl")) then
    areas[3] = { name = "reachable", findings = require "opengatellm.cli.doctor.reachable".findings(client, arguments.timeout) }
  end
  return areas
end

local function count(areas, state)
  local n = 0
  for _, area in ipairs(areas) do
    for _, each in ipairs(area.findings) do n = n + (each.state == state and 1 or 0) end
  end
  return n
end

-- Output ------------------------------------------------------------------------------------------------------------

local WORDS = { ok = "ok  ", warning = "WARN", failed = "FAIL", absent = "-   ", skipped = "-   " }
local COLOURS = { ok = "green", warning = "yellow", failed = "red" }
local NAME = 18 -- columns of the longest name

local function line_of(each, paint)
  local word = COLOURS[each.state] and paint(WORDS[each.state], COLOURS[each.state]) or WORDS[each.state]
  local line = ("  %s %-" .. NAME .. "s %s"):format(word, each.name, each.says)
  return each.remedy and line .. "\n" .. (" "):rep(NAME + 8) .. "-> " .. each.remedy or line
end

local function verdict(areas)
  local failed, warnings = count(areas, "failed"), count(areas, "warning")
  if failed == 0 and warnings == 0 then return "All is well." end
  return ("%d failed, %d to look at."):format(failed, warnings)
end

-- The findings as lines. `paint` colours words, `harmless` takes orders for a terminal out of what servers say.
local function lines_of(areas, paint, harmless)
  local lines = {}
  for _, area in ipairs(areas) do
    lines[#lines + 1] = area.name
    for _, each in ipairs(area.findings) do
      each.says, each.remedy = harmless(each.says), each.remedy and harmless(each.remedy)
      lines[#lines + 1] = line_of(each, paint)
    end
  end
  lines[#lines + 1] = verdict(areas)
  return table.concat(lines, "\n") .. "\n"
end

local function same(text) return text end

local function json_of(areas)
  local json = require "opengatellm.json"
  local value = { failed = count(areas, "failed"), warnings = count(areas, "warning") }
  for _, area in ipairs(areas) do value[area.name] = json.array(area.findings) end
  return json.encode(value) .. "\n"
end

-- What is broken may be the very modules that writing needs: then the lines are plain, and they hold only words of our own.
local function say(areas, as_json)
  if not is_whole() then return io.stdout:write(lines_of(areas, same, same)) end
  local output = require "opengatellm.cli.output"
  areas = require "opengatellm.base.secrets".without(areas)
  return output.say(as_json and json_of(areas) or lines_of(areas, output.painter(1), require "opengatellm.base.width".harmless))
end

--- Looks at everything, and prints what it found.
---@param arguments table as argparse read them
---@return integer # the exit status of the program
function M.run(arguments)
  local areas = examine(arguments)
  local fine, problem = say(areas, arguments.json)
  if not fine then return common.fail("ogl: " .. tostring(problem)) end
  return count(areas, "failed") > 0 and 1 or 0
end

return M
