--- Settings: what a provider asks for beside an address and a key, such as an account or a project that is part of the address.
--
-- A provider's data list them by name: { "VARIABLE", …, default = …, values = {…} }. A client takes them from its option `settings`,
-- else from the variables in order, else from `default`. None of them is a secret: they stand in the client, and in addresses.
--
-- @module opengatellm.providers.settings
local errors = require "opengatellm.errors"
local nginx = require "opengatellm.host.nginx"
local request = require "opengatellm.request"
local url = require "opengatellm.base.url"

local M = {}

--- Gives the first of the variables that is set and not empty.
---@param names? string[]
---@return string?
function M.variable(names)
  for _, name in ipairs(names or {}) do
    local value = os.getenv(name)
    if value and value ~= "" then return value end
  end
end

local function is_one_of(values, value)
  for _, candidate in ipairs(values) do
    if candidate == value then return true end
  end
  return false
end

--- Says what is wrong with a user's settings; gives nil if nothing is.
---@param provider table
---@param given? table<string, string>
---@return string?
function M.check(provider, given)
  local fields = {}
  for name, row in pairs(provider.settings or {}) do fields[name] = row.type or "string" end
  local problem = request.check_fields(given or {}, fields, "settings.")
  if problem then return problem end
  for name, value in pairs(given or {}) do
    local values = provider.settings[name].values
    if values and not is_one_of(values, value) then
      return ("settings.%s: expected %s, got %s"):format(name, table.concat(values, " or "), (value:gsub("%c", "?")))
    end
  end
end

--- Gives the settings of a client: the given ones, else those of the environment, else the defaults.
---@param provider table
---@param given? table<string, string>
---@return table<string, string>
function M.read(provider, given)
  local values = {}
  for name, row in pairs(provider.settings or {}) do
    values[name] = given and given[name] or M.variable(row) or row.default
  end
  return values
end

--- Says how to give a missing option: "set A, or option".
---@param names? string[] variables that it is taken from
---@param option string
---@return string
function M.how(names, option)
  local variable = names and names[1]
  return "set " .. (variable and nginx.variable(variable) .. ", or " or "") .. option
end

local function wanted(provider, name) return M.how(provider.settings[name], "settings." .. name) end

--- Gives the provider's own address, with its {names} replaced by settings.
---@param provider table
---@param values table<string, string>
---@return string? address nil if the provider has no address, or a setting is missing
---@return string? problem the missing or wrong setting
function M.address(provider, values)
  if not provider.base_url then return nil end
  local problem
  local address = provider.base_url:gsub("{([%w_]+)}", function(name)
    local value = values[name]
    local wrong = value and url.problem(value)
    if not value then problem = problem or "no " .. name .. ": " .. wanted(provider, name) end
    if wrong then problem = problem or "settings." .. name .. ": " .. wrong end
    return value and url.segment(value)
  end)
  if problem then return nil, problem end
  return address
end

--- Makes the error of a client that lacks a setting.
---@param provider table
---@param problem string
---@return ogl.Error
function M.missing(provider, problem)
  return errors.new { kind = "config", provider = provider.name, message = problem }
end

return M
