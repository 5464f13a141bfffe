--- Reports of a load test, each made of the result that `ogl bench run` gives: for a terminal, for programs, for a spreadsheet, for a
--- browser. No key of the environment stands in any of them.
--
-- @module opengatellm.bench.report
local json = require "opengatellm.json"
local secrets = require "opengatellm.base.secrets"

local M = {}

--- Writes the tables for a terminal.
---@param result table
---@param options? {width?: integer, bold?: boolean} columns (80), and whether headings are bold
---@return string
function M.table(result, options) return require "opengatellm.bench.report.table".write(secrets.without(result), options) end

--- Writes the result as JSON, which `read` reads.
---@param result table
---@return string
function M.json(result) return json.encode(secrets.without(result)) .. "\n" end

--- Writes the runs as CSV.
---@param result table
---@return string
function M.csv(result) return require "opengatellm.bench.report.csv".write(secrets.without(result)) end

--- Writes a page of HTML that needs neither network nor JavaScript.
---@param result table
---@return string
function M.html(result) return require "opengatellm.bench.report.html".write(secrets.without(result)) end

--- Reads a result that `json` wrote.
---@param text string
---@return table? result
---@return string? problem one line
function M.read(text) return require "opengatellm.bench.report.contract".read(text) end

return M
