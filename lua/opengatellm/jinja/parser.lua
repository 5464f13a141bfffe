--- The parser of statements: tokens in, a tree out. A node is { kind, line, … }; a body is a list of nodes.
--
-- @module opengatellm.jinja.parser
local expressions = require "opengatellm.jinja.expressions"
local lexer = require "opengatellm.jinja.lexer"
local mistake = require "opengatellm.jinja.mistake"
local words = require "opengatellm.base.words"

local M = {}

local LONGEST = 2 ^ 20 -- bytes of a source

local statements = {}

-- The end of a tag, then the body up to one of the words that may end it; that word is taken.
local function body_of(tokens, ends)
  tokens:take_operator ":" -- Python's habit, which Jinja allows
  tokens:need "close"
  local body, word = M.body(tokens, words.set(ends))
  return body, word
end

local function close(tokens, body)
  tokens:need "close"
  return body
end

-- A body that one word ends.
local function whole_body(tokens, ending)
  local body = body_of(tokens, ending)
  return close(tokens, body)
end

statements["if"] = function(tokens)
  local node, word = { kind = "if", branches = {} }
  repeat
    local branch = { test = expressions.tuple(tokens, { no_condition = true }) }
    branch.body, word = body_of(tokens, "elif else endif")
    node.branches[#node.branches + 1] = branch
  until word ~= "elif"
  if word == "else" then node.otherwise = body_of(tokens, "endif") end
  return close(tokens, node)
end

statements["for"] = function(tokens)
  local node = { kind = "for", target = expressions.target(tokens, { stop = "in" }) }
  tokens:need("name", "in")
  node.source = expressions.tuple(tokens, { no_condition = true, stop = "recursive" })
  if tokens:take("name", "if") then node.test = expressions.expression(tokens) end
  node.recursive = tokens:take("name", "recursive") ~= nil
  local word
  node.body, word = body_of(tokens, "else endfor")
  if word == "else" then node.otherwise = body_of(tokens, "endfor") end
  return close(tokens, node)
end

statements["break"] = function(tokens) return close(tokens, { kind = "break" }) end
statements["continue"] = function(tokens) return close(tokens, { kind = "continue" }) end

function statements.set(tokens)
  local target = expressions.target(tokens, { with_fields = true })
  if tokens:take_operator "=" then return close(tokens, { kind = "set", target = target, value = expressions.tuple(tokens) }) end
  local filter = expressions.filters(tokens, { kind = "captured" })
  return { kind = "set_block", target = target, filter = filter, body = whole_body(tokens, "endset") }
end

function statements.with(tokens)
  local node = { kind = "with", targets = {}, values = {} }
  while not tokens:peek "close" do
    if node.targets[1] then tokens:need("operator", ",") end
    node.targets[#node.targets + 1] = expressions.target(tokens)
    tokens:need("operator", "=")
    node.values[#node.values + 1] = expressions.expression(tokens)
  end
  node.body = whole_body(tokens, "endwith")
  return node
end

-- The parameters of a macro, each { name, default }.
local function signature(tokens)
  local parameters = {}
  tokens:need("operator", "(")
  while not tokens:take_operator ")" do
    if parameters[1] then tokens:need("operator", ",") end
    local parameter = { name = tokens:need("name").value }
    if tokens:take_operator "=" then parameter.default = expressions.expression(tokens) end
    parameters[#parameters + 1] = parameter
  end
  return parameters
end

function statements.macro(tokens)
  local node = { kind = "macro", name = tokens:need("name").value, parameters = signature(tokens) }
  local outer = tokens.names
  tokens.names = {} -- says whether the macro takes further arguments: it does where it names them
  node.body = whole_body(tokens, "endmacro")
  node.takes_more, node.takes_more_named = tokens.names.varargs, tokens.names.kwargs
  tokens.names = outer
  return node
end

function statements.call(tokens)
  local node = { kind = "call_block", name = "caller", parameters = tokens:peek("operator", "(") and signature(tokens) or {} }
  node.call = expressions.expression(tokens)
  if node.call.kind ~= "call" then tokens:fail "expected a call" end
  node.body = whole_body(tokens, "endcall")
  return node
end

function statements.filter(tokens)
  local node = { kind = "filter_block", filter = expressions.first_filter(tokens, { kind = "captured" }) }
  node.body = whole_body(tokens, "endfilter")
  return node
end

function statements.block(tokens)
  local name = tokens:need("name").value
  tokens:take("name", "scoped")
  local body = body_of(tokens, "endblock")
  tokens:take("name", name)
  return close(tokens, { kind = "scope", body = body })
end

-- transformers has it: it marks what an assistant said, for training.
function statements.generation(tokens) return { kind = "scope", body = whole_body(tokens, "endgeneration") } end

function statements.autoescape(tokens)
  expressions.expression(tokens)
  return { kind = "scope", body = whole_body(tokens, "endautoescape") }
end

function statements.print(tokens)
  local node = { kind = "print", items = {} }
  repeat node.items[#node.items + 1] = expressions.expression(tokens) until not tokens:take_operator ","
  return close(tokens, node)
end

local function statement(tokens, word)
  local parse = statements[word.value]
  if not parse then tokens:fail("unknown tag '" .. tostring(word.value) .. "'", word.line) end
  tokens:enter()
  local node = parse(tokens)
  tokens:leave()
  node.line = word.line
  return node
end

local function output(tokens)
  local node = { kind = "print", items = { expressions.tuple(tokens) }, line = tokens:line() }
  return close(tokens, node)
end

--- Parses nodes up to a tag with one of the words, or to the end of the template.
---@param tokens ogl.jinja.Tokens
---@param ends table<string, true>
---@return table[] body
---@return string? word the one that was found; it is taken, what follows in its tag is not
function M.body(tokens, ends)
  local body = {}
  while not tokens:peek "end" do
    local data = tokens:take "data"
    if data then
      body[#body + 1] = { kind = "data", text = data.value, line = data.line }
    elseif tokens:need("open").value == "{{" then
      body[#body + 1] = output(tokens)
    else
      local word = tokens:need "name"
      if ends[word.value] then return body, word.value end
      body[#body + 1] = statement(tokens, word)
    end
  end
  if next(ends) then tokens:fail "a block has no end" end
  return body
end

--- Parses a template; raises a mistake where it is none.
---@param source string
---@return table[] body
function M.parse(source)
  if #source > LONGEST then mistake.raisef("a template of more than %d bytes", LONGEST) end
  return (M.body(expressions.reader(lexer.tokens(source)), {}))
end

return M
