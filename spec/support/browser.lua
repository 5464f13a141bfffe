--- A headless Chromium for specs: what it makes of a page of HTML.
local helper = require "spec.helper"
local json = require "opengatellm.json"

local M = {}

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run --disable-background-networking"
local DARK = "--force-dark-mode --blink-settings=preferredColorScheme=0"

--- Why no page can be opened here; nil where one can. What it shows does not depend on the Lua that wrote it: once is enough.
function M.absent()
  local lua = os.getenv "OGL_LUA"
  if lua and lua ~= "lua5.4" then return "pages are opened with the specs of lua5.4" end
  if output_of "command -v chromium" == "" then return "chromium is not installed (Debian: chromium)" end
end

-- A page in a frame of a certain width, which a window of Chromium cannot be made as narrow as, and a script that asks the frame.
local FRAME = [[<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe id="frame" style="border:0" width="%d" height="9000" srcdoc="%s"></iframe>
<script>addEventListener("load", () => {
  const frame = document.getElementById("frame"), page = frame.contentDocument, view = frame.contentWindow;
  let answer;
  try { answer = (%s)(page, view); } catch (problem) { answer = { problem: String(problem) }; }
  frame.remove();
  document.body.textContent = "[" + encodeURIComponent(JSON.stringify(answer)) + "]";
})</script>]]

local ESCAPES = { ["&"] = "&amp;", ['"'] = "&quot;" }

--- Opens a page, and asks it.
---@param page string HTML
---@param options {width: integer, dark?: boolean}
---@param script string a function of JavaScript: document, window -> a value for JSON
---@return any value
function M.ask(page, options, script)
  local frame = FRAME:gsub("%%d", options.width):gsub("%%s", function() return "\1" end)
  local parts = { (page:gsub('[&"]', ESCAPES)), script }
  local place = 0
  frame = frame:gsub("\1", function()
    place = place + 1
    return parts[place]
  end)
  local path = helper.write(frame)
  assert(os.rename(path, path .. ".html"))
  local said = output_of(("timeout 60 chromium %s %s --user-data-dir=%s.profile --dump-dom file://%s.html 2>/dev/null"):format(
    FLAGS, options.dark and DARK or "", path, path))
  local answer = assert(said:match "%[([^%[%]]*)%]", "Chromium said nothing of the page")
  local value = assert(json.decode((answer:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))))
  assert(not value.problem, value.problem)
  return value
end

return M
