--- The models that are on this machine already: GGUF files in the caches of Hugging Face, llama.cpp and Ollama.
--
-- Nothing is downloaded: where a model is missing, the error says which command fetches it.
--
-- @module opengatellm.llama.models
local errors = require "opengatellm.errors"
local files = require "opengatellm.base.file"
local json = require "opengatellm.json"

local M = {}

---@class ogl.llama.Model
---@field name string what `find` takes: "ollama:qwen3:8b", "org/repo", "org/repo:file"
---@field path string
---@field size? integer bytes
---@field source "huggingface"|"llama.cpp"|"ollama"

-- Files and folders ---------------------------------------------------------------------------------------------------------------

local function system()
  local found, module = pcall(require, "opengatellm.system")
  return found and module or nil
end

-- The entries of a folder, by name; none where it is not there.
local function entries(folder)
  local list = {}
  for _, entry in ipairs(system() and system().list(folder) or {}) do
    if not entry.name:find "^%." then list[#list + 1] = entry end
  end
  return list
end

local function is_file(path)
  local file = io.open(path, "rb")
  local byte = file and file:read(1) -- a folder can be opened, but not read
  if file then file:close() end
  return byte ~= nil
end

local function size_of(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local size = file:seek "end"
  file:close()
  return size
end

-- The first variable that is set, with something behind it.
local function variable(name, behind)
  local value = os.getenv(name)
  return value and value ~= "" and value .. (behind or "") or nil
end

-- A path below the user's folder; below nothing where there is none.
local function home(path) return (variable "HOME" or "/nowhere") .. path end

-- A file that begins a model: not the later parts of one that is split, and not what only reads pictures.
local function is_model(file)
  local part = file:match "%-(%d+)%-of%-%d+%.gguf$"
  return file:find "%.gguf$" ~= nil and not file:find "mmproj" and (part == nil or tonumber(part) == 1)
end

local function add(list, model)
  model.size = size_of(model.path)
  if model.size then list[#list + 1] = model end
end

-- Hugging Face: hub/models--ORG--REPO/snapshots/REVISION/FILE.gguf ------------------------------------------------------------------

local function hub()
  return variable "HF_HUB_CACHE" or variable("HF_HOME", "/hub") or variable("XDG_CACHE_HOME", "/huggingface/hub")
    or home "/.cache/huggingface/hub"
end

-- The snapshot that `main` names, else the last one.
local function snapshot_of(folder)
  local revision = (files.read(folder .. "/refs/main") or ""):match "%S+"
  local list = entries(folder .. "/snapshots")
  local last = list[#list] and list[#list].name
  for _, each in ipairs(list) do
    if each.name == revision then last = revision end
  end
  return last and folder .. "/snapshots/" .. last
end

local function add_snapshot(list, repository, folder)
  for _, entry in ipairs(entries(folder)) do
    local path = folder .. "/" .. entry.name
    if entry.kind == "folder" then
      add_snapshot(list, repository, path) -- some keep each size in a folder of its own
    elseif is_model(entry.name) then
      add(list, { source = "huggingface", name = ("%s:%s"):format(repository, entry.name), path = path })
    end
  end
end

local function of_huggingface(list)
  local root = hub()
  for _, entry in ipairs(entries(root)) do
    local organisation, repository = entry.name:match "^models%-%-(.-)%-%-(.+)$"
    local folder = organisation and snapshot_of(root .. "/" .. entry.name)
    if folder then add_snapshot(list, organisation .. "/" .. repository, folder) end
  end
end

-- llama.cpp: ORG_REPO_FILE.gguf -------------------------------------------------------------------------------------------------------

-- The names may have underscores too: that of a repository mostly ends with GGUF.
local function parts_of(file)
  local organisation, repository, rest = file:match "^([^_]+)_(.-[gG][gG][uU][fF])_(.+)$"
  if organisation then return organisation, repository, rest end
  return file:match "^([^_]+)_([^_]+)_(.+)$"
end

local function llama_folders()
  local set = variable "LLAMA_CACHE"
  if set then return { set } end
  return { variable("XDG_CACHE_HOME", "/llama.cpp") or home "/.cache/llama.cpp", home "/Library/Caches/llama.cpp" }
end

local function of_llama(list)
  for _, folder in ipairs(llama_folders()) do
    for _, entry in ipairs(entries(folder)) do
      local organisation, repository, file = parts_of(entry.name)
      if is_model(entry.name) then
        local name = file and ("%s/%s:%s"):format(organisation, repository, file) or entry.name
        add(list, { source = "llama.cpp", name = name, path = folder .. "/" .. entry.name })
      end
    end
  end
end

-- Ollama: manifests/HOST/NAMESPACE/MODEL/TAG says which blob is the model ---------------------------------------------------------------

local function ollama_folders()
  local set = variable "OLLAMA_MODELS"
  if set then return { set } end
  return { home "/.ollama/models", "/usr/share/ollama/.ollama/models", "/var/lib/ollama/.ollama/models" }
end

local MODEL = "application/vnd.ollama.image.model"

-- The blob of a manifest; nil where it names none.
local function blob_of(folder, manifest)
  local value = json.decode(files.read(manifest) or "")
  local layers = type(value) == "table" and type(value.layers) == "table" and value.layers or {}
  for _, layer in ipairs(layers) do
    local digest = type(layer) == "table" and layer.mediaType == MODEL and type(layer.digest) == "string" and layer.digest
    local hex = digest and digest:match "^sha256:(%x+)$"
    if hex then return ("%s/blobs/sha256-%s"):format(folder, hex) end
  end
end

-- As `ollama pull` takes it: the usual host and namespace are left out.
local function ollama_name(host, namespace, model, tag)
  if host ~= "registry.ollama.ai" then return ("ollama:%s/%s/%s:%s"):format(host, namespace, model, tag) end
  return ("ollama:%s%s:%s"):format(namespace == "library" and "" or namespace .. "/", model, tag)
end

-- Calls visit(path, names…) for each file that is `levels` folders below.
local function walk(folder, levels, visit, ...)
  for _, entry in ipairs(entries(folder)) do
    local path, names = folder .. "/" .. entry.name, { ... }
    names[#names + 1] = entry.name
    if levels == 0 then visit(path, names) else walk(path, levels - 1, visit, (table.unpack or unpack)(names)) end -- luacheck: ignore
  end
end

local function of_ollama(list)
  for _, folder in ipairs(ollama_folders()) do
    walk(folder .. "/manifests", 3, function(manifest, names)
      local path = blob_of(folder, manifest)
      if path then add(list, { source = "ollama", name = ollama_name(names[1], names[2], names[3], names[4]), path = path }) end
    end)
  end
end

-- What users call -----------------------------------------------------------------------------------------------------------------------

--- Lists the models that are on this machine.
---@return ogl.llama.Model[] models sorted by name within each cache
function M.list()
  local list = {}
  of_huggingface(list)
  of_llama(list)
  of_ollama(list)
  return list
end

-- Whether a model is meant by a name; a part of a name behind ":" may be the file's, or its quantisation ("Q4_K_M").
local function is_meant(model, name)
  if model.name == name or model.name == name .. ":latest" then return true end
  local repository, file = model.name:match "^(.-/.-):(.+)$"
  if not repository or model.source == "ollama" then return false end
  local wanted, part = name:match "^([^:]+):?(.*)$"
  if wanted:lower() ~= repository:lower() then return wanted == file or wanted == file:gsub("%.gguf$", "") end
  return part == "" or file:lower():find(part:lower(), 1, true) ~= nil
end

-- The command that fetches a model, as its cache's own program has it.
local function command_for(name)
  local ollama = name:match "^ollama:(.+)$"
  if ollama then return "ollama pull " .. ollama end
  local repository, file = name:match "^([%w_.-]+/[%w_.-]+):?([%w_.-]*)$"
  if not repository then return nil end
  local pattern = file:find "%.gguf$" and file or ("--include '*%s.gguf'"):format(file == "" and "" or file .. "*")
  return ("hf download %s %s"):format(repository, pattern)
end

local function missing(name)
  local command = name:find "%.gguf$" == nil and command_for(name) or name:find ":" and command_for(name)
  local message = ("there is no model %s on this machine"):format(name)
  if command then message = message .. "; this fetches it: " .. command
  else message = message .. "; a path of a GGUF file is needed, or a name such as ollama:qwen3 or ggml-org/gemma-3-1b-it-GGUF" end
  return errors.new { kind = "file", code = "model", message = message }
end

--- Finds the file of a model.
---@param name string a path; or a name of the caches: "ollama:qwen3", "ggml-org/gemma-3-1b-it-GGUF", "ggml-org/gemma-3-1b-it-GGUF:Q4_K_M"
---@return string? path
---@return ogl.Error? err `file`; it says which command fetches the model
function M.find(name)
  if not name:find "^ollama:" and is_file(name) then return name end
  for _, model in ipairs(M.list()) do
    if is_meant(model, name) then return model.path end
  end
  return nil, missing(name)
end

return M
