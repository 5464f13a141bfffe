--- Secrets: a copy of a value in which no key stands, for what is made to be shown around.
--
-- It is the second lock: errors and results have no key of their client. But a server may quote another one, and a user may have put one
-- into an address. Hidden are the values of the environment's variables that hold keys, what has the form
-- of a key, and members that are named like one.
--
-- @module opengatellm.base.secrets
local names = require "opengatellm.base.names"
local system = require "opengatellm.system"

local M = {}

local HIDDEN = "[hidden]"
local SHORTEST = 6 -- bytes of a variable's value: a shorter one would be found in any text

local VARIABLES = { "KEY$", "TOKEN$", "SECRET$", "PASSWORD$", "PASSPHRASE$", "CREDENTIALS$" }
local MEMBERS = { "key$", "^token$", "_token$", "secret$", "password$", "authorization$", "headers$", "cookies?$" }

-- What keys look like where they are issued: sk- and pk- (most servers), and the forms of Google, Groq, Hugging Face, xAI, GitHub, Amazon,
-- NVIDIA, and of a JSON Web Token. A part in parentheses is kept.
local FORMS = {
  "()%f[%w][sp]k%-[%w_%-]+", "()%f[%w]AIza[%w_%-]+", "()%f[%w]gsk_%w+", "()%f[%w]hf_%w+", "()%f[%w]xai%-%w+", "()%f[%w]gh[oprsu]_%w+",
  "()%f[%w]github_pat_[%w_]+", "()%f[%w]AKIA%w+", "()%f[%w]nvapi%-[%w_%-]+", "()%f[%w]eyJ[%w_%-]+%.[%w_%-]+%.?[%w_%-]*",
  "([Bb][Ee][Aa][Rr][Ee][Rr]%s+)[%w._~+/=%-]+", "([Bb][Aa][Ss][Ii][Cc]%s+)[%w+/]+=*", "(://)[^/%s@]*@",
  "([?&][%w_%-]*[Tt][Oo][Kk][Ee][Nn]=)[^&%s\"']+", "([?&][%w_%-]*[Ss][Ii][Gg]%w*=)[^&%s\"']+",
  "([Kk][Ee][Yy][\"']?%s*[:=]%s*[\"'])[^\"']+", "(%f[%a][Kk][Ee][Yy]=)[^&%s\"']+",
  "([Aa][Pp][Ii][Kk][Ee][Yy]=)[^&%s\"']+",
}

-- The values of variables that hold keys; a longer one first, since a shorter one may be a part of it.
local function values_of_variables()
  local list = {}
  for name, value in pairs(system.environment()) do
    if #value >= SHORTEST and names.fits(name:upper(), VARIABLES) then list[#list + 1] = value end
  end
  table.sort(list, function(a, b) return #a > #b or #a == #b and a < b end)
  return list
end

local function keep(kept) return (type(kept) == "string" and kept or "") .. HIDDEN end

local function without_secrets(text, values)
  for _, value in ipairs(values) do
    text = text:gsub(value:gsub("%p", "%%%0"), HIDDEN)
  end
  for _, form in ipairs(FORMS) do text = text:gsub(form, keep) end
  return text
end

-- Each sample has the same few words, such as "success": each text is looked through once.
local function hidden(text, job)
  local clean = job.texts[text]
  if not clean then
    clean = without_secrets(text, job.values)
    job.texts[text] = clean
  end
  return clean
end

-- The name of a member in the copy; false where it is left out.
local function name_of(key, job)
  if type(key) ~= "string" then return key end
  local name = job.names[key]
  if name == nil then
    name = not names.fits(key:lower(), MEMBERS) and hidden(key, job)
    job.names[key] = name
  end
  return name
end

local function copy(value, job)
  if type(value) == "string" then return hidden(value, job) end
  if type(value) ~= "table" then return value end
  local out = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do
    local name = name_of(key, job)
    if name then out[name] = copy(inner, job) end
  end
  return out
end

--- Copies a value without the keys that its texts hold.
---@generic T
---@param value T
---@return T
function M.without(value) return copy(value, { values = values_of_variables(), texts = {}, names = {} }) end

return M
