--- The filters that stand behind `|`.
--
-- Not here are those that chat templates have no use for: filesizeformat, pprint, random, slice, striptags, urlize, wordwrap, xmlattr.
--
-- @module opengatellm.jinja.filters
local effort = require "opengatellm.jinja.effort"
local list_filters = require "opengatellm.jinja.list_filters"
local mistake = require "opengatellm.jinja.mistake"
local text_filters = require "opengatellm.jinja.text_filters"

local M = {}

local function find(name) return text_filters.filters[name] or list_filters.filters[name] end

--- Says whether there is a filter.
---@param name string
---@return boolean
function M.knows(name) return find(name) ~= nil end

--- Applies a filter.
---@param name string
---@param subject any
---@param arguments ogl.jinja.Arguments
---@return any
function M.apply(name, subject, arguments)
  effort.spend(1)
  local filter = find(name) or mistake.raisef("no filter named '%s'", name)
  return filter(subject, arguments)
end

return M
