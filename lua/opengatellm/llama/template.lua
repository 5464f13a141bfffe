--- The chat template of a model: messages and tools in, the pieces of a prompt out.
--
--   local template = template.new(source, { tokens = special_tokens.new(list) })
--   local pieces, err, warnings = template:render { messages = …, tools = …, add_generation_prompt = true, bos_token = "<s>" }
--
-- What the user, a tool or a document says can never become a special token, whatever the template does with it: it comes in pieces
-- whose `special` is false. Where a template is missing or cannot be run, the pattern of the model's family takes its place, and a
-- warning says so.
--
-- @module opengatellm.llama.template
local core = require "opengatellm.core"
local effort = require "opengatellm.jinja.effort"
local errors = require "opengatellm.errors"
local forms = require "opengatellm.llama.forms"
local jinja = require "opengatellm.jinja"
local json_reader = require "opengatellm.jinja.json_reader"
local mistake = require "opengatellm.jinja.mistake"
local patterns = require "opengatellm.llama.patterns"
local special_tokens = require "opengatellm.llama.special_tokens"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

---@class ogl.llama.Template
---@field source? string
---@field compiled? ogl.jinja.Template nil where the source cannot be read
---@field problem? string why not
---@field tokens? ogl.llama.SpecialTokens
---@field write? fun(values: table): ogl.llama.Piece[] the user's own
local Template = {}
Template.__index = Template

--- Makes a template.
---@param source string|nil|fun(values: table): ogl.llama.Piece[] the model's Jinja; nil where it has none; or a function instead of it
---@param options? {tokens?: ogl.llama.SpecialTokens} tokens: with them, text is cut only at the special tokens of the template
---@return ogl.llama.Template
function M.new(source, options)
  local self = setmetatable({ tokens = options and options.tokens }, Template)
  if type(source) == "function" then
    self.write = source
  elseif source then
    self.source = source
    self.compiled, self.problem = jinja.compile(source)
  end
  return self
end

-- Values ----------------------------------------------------------------------------------------------------------------------

local function own(bytes) return bytes end

-- What the model's file says, and no user: its special tokens may be written with these.
local function mark_of(name) return name:find "_token$" and own or text.foreign end

local function read(name, its_value)
  if type(its_value) == "function" then return its_value end
  if getmetatable(its_value) == core.raw_mt then return json_reader.read(its_value[1], mark_of(name)) end
  return value.of(its_value, mark_of(name))
end

-- strftime_now("%d %b %Y"), as transformers has it.
local function strftime_now(time)
  return function(arguments)
    local fine, written = pcall(os.date, text.bytes(arguments[1]), time)
    if not fine then mistake.raise "strftime_now: an unknown format" end
    return text.marked_as(arguments[1], written)
  end
end

-- The variables of a template, made anew for each try, since a template may change them.
local function variables_of(values, form)
  local variables = { strftime_now = strftime_now(values.now), bos_token = "", eos_token = "" }
  for name, each in pairs(values) do
    if name ~= "now" then variables[name] = read(name, each) end
  end
  forms.write(variables.messages, form)
  return variables
end

local function try(compiled, values, form)
  local fine, variables = effort.within(effort.STEPS, variables_of, values, form)
  if not fine then return nil, mistake.words(variables) end
  return compiled:render(variables)
end

-- The template in the first form that it takes; else what it said of the first.
local function render(compiled, values)
  local problem, refused
  for i, form in ipairs(forms.list) do
    local rendered, its_problem, has_refused = try(compiled, values, form)
    if rendered then return rendered end
    if i == 1 then problem, refused = its_problem, has_refused end
  end
  return nil, problem, refused
end

-- Pieces ----------------------------------------------------------------------------------------------------------------------

local function pieces_of(self, rendered)
  if self.tokens then return self.tokens:pieces(rendered) end
  return special_tokens.pieces(rendered)
end

local function warning(name, problem, values)
  local message = ("the model's template cannot be used (%s): the pattern %s takes its place"):format(problem, name)
  if values.tools then message = message .. ", which has no tools" end
  return { code = "template", field = "messages", message = message }
end

local function by_pattern(self, values, problem)
  local source, name = patterns.of(self.source)
  local rendered, its_problem = render(assert(jinja.compile(source)), values)
  if not rendered then return nil, errors.new { kind = "invalid", message = "the messages cannot be written: " .. its_problem } end
  return pieces_of(self, rendered), nil, { warning(name, problem, values) }
end

-- The pieces of a user's function, as they should be.
local function by_function(self, values)
  local pieces = self.write(values)
  for i, piece in ipairs(type(pieces) == "table" and pieces or {}) do
    if type(piece) ~= "table" or type(piece.text) ~= "string" then
      error(("template: the function's piece %d is not { text = …, special = true or false }"):format(i), 0)
    end
  end
  if type(pieces) ~= "table" then error("template: the function gave no list of pieces", 0) end
  return pieces
end

--- Renders a conversation.
---@param values table the variables: `messages` and `tools` of Chat Completions (tables, or json.raw with the order of its own),
---  `add_generation_prompt`, `enable_thinking`, `bos_token`, `eos_token`, whatever else the template knows; `now`, seconds, is its time
---@return ogl.llama.Piece[]? pieces
---@return ogl.Error? err `unsupported`: the template refuses the messages; `invalid`: no pattern can write them either
---@return {code: string, field: string, message: string}[]? warnings nil for none
function Template:render(values)
  if self.write then return by_function(self, values) end
  if not self.compiled then return by_pattern(self, values, self.problem or "the model has none") end
  local rendered, problem, refused = render(self.compiled, values)
  if rendered then return pieces_of(self, rendered) end
  if refused then return nil, errors.unsupported("the model's template refuses the messages: " .. problem) end
  return by_pattern(self, values, problem)
end

return M
