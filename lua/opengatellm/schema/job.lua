--- Jobs: compile a schema into checks.
--
-- A check is a function of a value that returns nil where the value fits, else a list of failures (failure.lua). Each schema of a document
-- becomes one check, made of those of its keywords; a schema that everything fits becomes nil, so that nobody calls it. The checks hold
-- nothing of the schema itself: what it is changed to later does not reach them, and they do not keep it alive.
--
-- @module opengatellm.schema.job
local branches = require "opengatellm.schema.branches"
local errors = require "opengatellm.errors"
local failure = require "opengatellm.schema.failure"
local grammar = require "opengatellm.schema.grammar"
local items = require "opengatellm.schema.items"
local members = require "opengatellm.schema.members"
local pattern = require "opengatellm.schema.pattern"
local references = require "opengatellm.schema.references"
local scalars = require "opengatellm.schema.scalars"
local unevaluated = require "opengatellm.schema.unevaluated"

local M = {}
local Job = {}
Job.__index = Job

---@alias ogl.schema.Check fun(value: any): ogl.schema.Failure[]?

-- References that one value may be followed through: a schema that refers to itself on the same value would have no end.
local DEEPEST = 256
-- References that one validation may follow: alternatives of alternatives of alternatives may be more than anybody can wait for. A value of
-- 1 MiB has half as many parts at most.
local MOST = 1e6

---@class ogl.schema.Job
---@field references ogl.schema.References
---@field boxes table<table, {check?: ogl.schema.Check, done: boolean}> of the schemas that are compiled, or about to be
---@field markers table<table, {mark?: ogl.schema.Marker}>
---@field patterns table<string, fun(subject: string): boolean?, string?>
---@field grammatical table<table, true> schemas without mistakes
---@field effort ogl.schema.Effort
---@field warnings {code: string, message: string}[]

-- Ends the compilation: a schema has a mistake that only shows now.
local mistake_mt = {}
local function wrong(schema, message) error(setmetatable({ schema = schema, message = message }, mistake_mt), 0) end

--- Joins two checks: the failures of both.
---@param a ogl.schema.Check|false|nil
---@param b ogl.schema.Check|false|nil
---@return ogl.schema.Check? check nil where there is none
function Job.both(a, b)
  if not a or not b then return a or b or nil end
  return function(value)
    local failures, more = a(value), b(value)
    return (failures or more) and failure.join(failures, more)
  end
end

--- Compiles a pattern. Where no engine is installed the job notes so, once.
---@param text string
---@param schema table that has the pattern
---@return (fun(subject: string): boolean?, string?)? matches nil where patterns cannot be checked
function Job:pattern(text, schema)
  if self.patterns[text] then return self.patterns[text] end
  local matches, problem = pattern.compile(text)
  if matches == false then wrong(schema, ("the pattern %s is wrong: %s"):format(text, problem)) end
  if not matches and not self.warnings[1] then
    self.warnings[1] = { code = "pattern", message = "patterns were not checked: lrexlib's rex_pcre2 is not installed" }
  end
  self.patterns[text] = matches
  return matches
end

--- Finds the schema that a schema's `$ref` names.
---@param schema table
---@return table|boolean
function Job:target(schema)
  local found = self.references:find(schema["$ref"], schema)
  if found == nil then wrong(schema, ("$ref: there is no %s in this schema"):format(schema["$ref"])) end
  local problem = grammar.problem(found, self.grammatical)
  if problem then wrong(schema, ("$ref: in %s: %s"):format(schema["$ref"], problem)) end
  return found
end

---@class ogl.schema.Effort of one validation
---@field depth integer references that the value at hand was followed through
---@field left integer references that may still be followed
---@field exceeded? string the limit that was reached: from then on no reference is followed, and nothing fits

--- Begins a validation.
---@param effort ogl.schema.Effort
---@return ogl.schema.Effort effort the same table
function M.begin(effort)
  effort.depth, effort.left, effort.exceeded = 0, MOST, nil
  return effort
end

-- Spends one step; whether it is one too many.
local function is_spent(effort)
  effort.left = effort.left - 1
  if effort.depth == DEEPEST then effort.exceeded = ("needs more than %d references"):format(DEEPEST) end
  if effort.left < 0 then effort.exceeded = ("needs more than %d steps"):format(MOST) end
  return effort.exceeded ~= nil
end

-- The check of a schema that is compiled now or later, with a limit of how far it may lead.
local function bounded(box, effort)
  return function(value)
    if not box.check then return nil end
    if is_spent(effort) then return failure.plain(effort.exceeded) end
    effort.depth = effort.depth + 1
    local failures = box.check(value)
    effort.depth = effort.depth - 1
    return failures
  end
end

--- Makes a function that spends one step of a validation, on what is done again for a value that was checked before. It gives failures
--- where that is one step too many. A check may hold it, but not the job, which holds the schema.
---@return fun(): ogl.schema.Failure[]?
function Job:spender()
  local effort = self.effort
  return function() return is_spent(effort) and failure.plain(effort.exceeded) or nil end
end

local function of_reference(schema, job)
  if not schema["$ref"] then return nil end
  local target = job:target(schema)
  if type(target) == "boolean" then return job:check(target) end
  job:check(target)
  return bounded(job.boxes[target], job.effort)
end

-- In the order in which their failures are told.
local KEYWORDS = {
  scalars.of_type, scalars.of_enum, scalars.of_const, scalars.of_range, scalars.of_open_range, scalars.of_multiple, scalars.of_length,
  scalars.of_pattern, items.of_count, items.of_items, items.of_contains, items.of_unique, members.of_count, members.of_required,
  members.of_properties, members.of_names, members.of_dependent_required, of_reference, branches.of_all, branches.of_any, branches.of_one,
  branches.of_not, branches.of_condition, branches.of_dependent, unevaluated.of_unevaluated,
}

-- Until draft 7, `$ref` hides the keywords beside it.
local ALONE = { of_reference }

local function nothing() return failure.plain "is not allowed here" end

--- Compiles a schema.
---@param schema table|boolean
---@return ogl.schema.Check? check nil where every value fits
function Job:check(schema)
  if schema == true then return nil end
  if schema == false then return nothing end
  local box = self.boxes[schema]
  if box then
    if box.done then return box.check end
    return bounded(box, self.effort) -- a schema that holds itself
  end
  box = { done = false }
  self.boxes[schema] = box
  local keywords = self.references.old and schema["$ref"] and ALONE or KEYWORDS
  for _, check_of in ipairs(keywords) do box.check = Job.both(box.check, check_of(schema, self)) end
  box.done = true
  return box.check
end

local function no_marks() end

--- Makes the marker of a schema (unevaluated.lua).
---@param schema table|boolean|nil
---@return ogl.schema.Marker
function Job:marker(schema)
  if type(schema) ~= "table" then return no_marks end
  local box, effort = self.markers[schema], self.effort
  if not box then
    box = {}
    self.markers[schema] = box
    box.mark = unevaluated.marker(schema, self)
  end
  return function(value, seen)
    if is_spent(effort) then return end
    effort.depth = effort.depth + 1
    box.mark(value, seen)
    effort.depth = effort.depth - 1
  end
end

---@class ogl.schema.Program
---@field check? ogl.schema.Check nil where every value fits
---@field effort ogl.schema.Effort
---@field warnings {code: string, message: string}[]

-- A mistake with the path of the schema that has it.
local function located(root, mistake)
  local function test(schema) return schema == mistake.schema and mistake.message or nil end
  return grammar.problem(root, {}, test) or mistake.message
end

local function config(message) return errors.new { kind = "config", code = "schema", message = "the schema is wrong: " .. message } end

--- Compiles a document.
---@param root table|boolean
---@return ogl.schema.Program? program
---@return ogl.Error? err `config`: the schema is wrong
function M.compile(root)
  local grammatical = {}
  local problem = grammar.problem(root, grammatical)
  if problem then return nil, config(problem) end
  local self = setmetatable({
    references = references.new(type(root) == "table" and root or {}), boxes = {}, markers = {}, patterns = {}, grammatical = grammatical,
    effort = M.begin {}, warnings = {},
  }, Job)
  local fine, check = pcall(self.check, self, root)
  if not fine and getmetatable(check) == mistake_mt then return nil, config(located(root, check)) end
  if not fine then error(check, 0) end
  return { check = check, effort = self.effort, warnings = self.warnings }
end

return M
