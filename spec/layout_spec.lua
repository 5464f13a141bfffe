-- What the tree promises its reader: every file has its registry line, its place in the rockspec and its direction of includes.

local helper = require "spec.helper"

local function files(pattern)
  local pipe, list = assert(io.popen("ls -d " .. pattern .. " 2>/dev/null")), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

local function rockspec()
  local env = {}
  local chunk
  if setfenv then
    chunk = setfenv(assert(loadfile "rockspec/opengatellm-scm-1.rockspec"), env)
  else
    chunk = assert(loadfile("rockspec/opengatellm-scm-1.rockspec", "t", env))
  end
  chunk()
  return env
end

local LUA = "lua/opengatellm/*.lua lua/opengatellm/*/*.lua"

describe("the rockspec", function()
  it("is the only one in its folder", function() assert.equal(1, #files "rockspec/*") end)

  it("lists every Lua file under its module's name, and no other", function()
    local wanted, listed = {}, {}
    for _, path in ipairs(files(LUA)) do
      wanted[path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", "."):gsub("%.init$", "")] = path
    end
    for name, value in pairs(rockspec().build.modules) do
      if type(value) == "string" then listed[name] = value end
    end
    assert.same(wanted, listed)
  end)

  it("lists every C file, and the parts that both modules share twice", function()
    local modules, seen = rockspec().build.modules, {}
    for _, name in ipairs { "opengatellm.core", "opengatellm.curl" } do
      for _, path in ipairs(modules[name].sources) do seen[path] = true end
    end
    local wanted = {}
    for _, path in ipairs(files "csrc/*/*.c") do wanted[path] = true end
    assert.same(wanted, seen)
  end)
end)

describe("the layers", function()
  it("include in one direction", function()
    for folder, forbidden in pairs {
      core = { "lua%.h", "lauxlib", "curl/", "%.%./" }, protocol = { "lua%.h", "lauxlib", "curl/", "%.%./lua", "%.%./curl" },
      curl = { "lua%.h", "lauxlib", "%.%./lua", "%.%./protocol" },
    } do
      for _, path in ipairs(files("csrc/" .. folder .. "/*.[ch]")) do
        for include in helper.read(path):gmatch "#include ([^\n]+)" do
          for _, word in ipairs(forbidden) do
            assert.is_nil(include:find('^["<].*' .. word) or include:find('^["<]' .. word), path .. " includes " .. include)
          end
        end
      end
    end
  end)

  it("name no provider outside its file and its registry line", function()
    local protocols = require "opengatellm.protocol"
    for _, path in ipairs(files "csrc/*/*.c lua/opengatellm/*.lua lua/opengatellm/protocol/*.lua lua/opengatellm/auth/*.lua") do
      local code = helper.read(path):gsub("%-%-[^\n]*", ""):gsub("/%*.-%*/", "")
      for _, name in ipairs(require "opengatellm.providers".names()) do
        -- a protocol may have a provider's name, and "opengatellm" is the default
        local found = not protocols[name] and name ~= "opengatellm" and code:find('"' .. name .. '"', 1, true)
        assert.is_nil(found or nil, path .. " names " .. name)
      end
    end
  end)

  it("ask for a version of Lua in compat.h alone", function()
    for _, path in ipairs(files "csrc/lua/*.c") do assert.is_nil(helper.read(path):find("LUA_VERSION_NUM", 1, true), path) end
  end)
end)

describe("the registries", function()
  it("know every provider and every protocol file", function()
    local providers = require "opengatellm.providers"
    for _, path in ipairs(files "lua/opengatellm/providers/*.lua") do
      local name = path:match "([^/]+)%.lua$"
      if name ~= "init" then assert.truthy(providers.find(name), name) end
    end
    local protocols = require "opengatellm.protocol"
    for _, path in ipairs(files "lua/opengatellm/protocol/*.lua") do
      local name = path:match "([^/]+)%.lua$":gsub("_decode$", ""):gsub("_said$", "") -- what comes in, and what an assistant said, beside what goes out
      if name ~= "init" then assert.truthy(protocols[name], name) end
    end
  end)

  it("give a decoder for every protocol", function()
    for name in pairs(require "opengatellm.protocol") do assert.truthy(require "opengatellm.core".decoder(name)) end
  end)
end)

describe("every Lua file", function()
  it("has a spec at the same path, or is covered where its neighbours are", function()
    local elsewhere = { -- path of a spec that exercises it
      ["init"] = "client", ["call"] = "client", ["json"] = "core/json", ["version"] = "cli", ["transport/init"] = "transport/contract",
      ["transport/curl"] = "transport/contract", ["transport/replay"] = "transport/contract", ["host/init"] = "task", ["host/plain"] = "net/retry",
      ["host/coroutines"] = "task", ["host/cqueues"] = "task", ["host/luv"] = "hosts/luv", ["host/scheduler"] = "task", ["host/timers"] = "task",
      ["transport/driver"] = "transport/contract", ["callbacks"] = "task", ["loop"] = "task",
      ["protocol/init"] = "layout", ["cli/init"] = "cli", ["cli/chat"] = "cli", ["cli/common"] = "cli", ["cli/models"] = "net/ogl",
      ["types"] = "docs", ["operations/init"] = "operations/perform", ["operations/shape"] = "operations/perform", ["operations/usage"] = "operations/perform",
      ["operations/ocr"] = "operations/perform", ["operations/rerank"] = "operations/perform", ["operations/transcribe"] = "operations/perform",
      ["operations/chat_search"] = "operations/perform", ["operations/changes"] = "operations/rows", ["operations/enums"] = "net/conformance",
      ["operations/inference"] = "net/conformance", ["operations/rag"] = "net/conformance", ["operations/account"] = "net/conformance",
      ["operations/admin"] = "net/conformance", ["operations/monitoring"] = "net/conformance", ["operations/searching"] = "net/conformance",
      ["operations/images"] = "operations/beyond", ["operations/moderate"] = "operations/beyond", ["operations/batches"] = "operations/beyond",
      ["operations/gemini_files"] = "net/gemini_files",
      ["operations/listing"] = "operations/dialects", ["operations/catalogue"] = "net/recorded", ["operations/indexing"] = "net/surface",
      ["protocol/openai_chat_decode"] = "protocol/decode", ["protocol/openai_responses_decode"] = "protocol/decode",
      ["protocol/anthropic_decode"] = "protocol/decode", ["protocol/gemini_decode"] = "protocol/decode", ["protocol/ollama_decode"] = "protocol/decode",
      ["host/nginx"] = "hosts/nginx", ["transport/resty"] = "hosts/nginx", ["transport/resty_tls"] = "hosts/nginx",
      ["transport/resty_tunnel"] = "hosts/nginx", ["transport/http1"] = "hosts/nginx", ["transport/failure"] = "hosts/nginx",
      ["settings"] = "providers", ["quirks"] = "providers", ["auth/init"] = "providers", ["outside"] = "fetch",
    }
    for _, path in ipairs(files(LUA)) do
      local name = path:match "^lua/opengatellm/(.*)%.lua$"
      local spec = "spec/" .. (elsewhere[name] or name:match "^(providers)/" or name) .. "_spec.lua"
      assert.truthy(io.open(spec), path .. " has no " .. spec)
    end
  end)
end)
