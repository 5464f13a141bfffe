--- Validators: whether a value fits a schema, by JSON Schema 2020-12, and what draft 7 calls otherwise.
--
-- A schema is compiled when it is first used, and kept as long as its table lives. What is changed in a schema after that is not seen,
-- until `compile` compiles it anew. Nothing is loaded from elsewhere: `$ref` stays in its document. `$dynamicRef` is refused; `format` and
-- the keywords about contents only describe. A validation follows at most 256 references below one another and a million in all, so that
-- no schema, whoever wrote it, can hold a program up.
--
-- @module opengatellm.schema.validator
local failure = require "opengatellm.schema.failure"
local job = require "opengatellm.schema.job"

local M = {}

-- By the schema's table; the programs hold nothing of it.
local programs = setmetatable({}, { __mode = "k" })

--- Compiles a schema, whether it was compiled before or not. Raises where it gets no schema.
---@param schema table|boolean
---@return true? fine
---@return ogl.Error? err `config`: the schema is wrong; its message says where
---@return {code: string, message: string}[]? warnings what of the schema cannot be checked here; nil for nothing
function M.compile(schema)
  local program, err = job.compile(schema)
  if not program then return nil, err end
  if type(schema) == "table" then programs[schema] = program end
  return true, nil, program.warnings[1] and program.warnings or nil
end

local function program_of(schema)
  local program = type(schema) == "table" and programs[schema]
  if program then return program end
  local err
  program, err = job.compile(schema)
  if program and type(schema) == "table" then programs[schema] = program end
  return program, err
end

--- Checks a value. At most 20 errors are told.
---@param schema table|boolean
---@param value any as json.decode gives it
---@return true? fits
---@return ogl.SchemaError[]|ogl.Error|nil errors a list, which prints as its lines; or an error `config`, where the schema itself is wrong
---@return {code: string, message: string}[]? warnings what of the schema was not checked; nil for nothing
function M.validate(schema, value)
  local program, err = program_of(schema)
  if not program then return nil, err end
  local check, warnings = program.check, program.warnings[1] and program.warnings or nil
  if not check then return true, nil, warnings end
  local effort = job.begin(program.effort)
  local failures = check(value)
  if effort.exceeded then failures = failure.plain(effort.exceeded) end -- whatever `not` made of it
  if not failures then return true, nil, warnings end
  return nil, failure.errors(failures), warnings
end

return M
