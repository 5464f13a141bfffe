local helper = require "spec.helper"
local programs = require "opengatellm.cli.nginx_program"
local system = require "opengatellm.system"

local function new_folder()
  local path = helper.directory() .. "/" .. helper.id()
  assert.is_true(system.make_private(path))
  return path
end

-- A program that says of itself what nginx says at -V.
local function nginx(version, arguments)
  local path = new_folder() .. "/nginx"
  assert.is_true(system.write_private(path, ("#!/bin/sh\necho 'nginx version: %s\nconfigure arguments: %s' >&2\n"):format(version, arguments)))
  os.execute("chmod 700 " .. path)
  return path
end

describe("an nginx", function()
  it("has Lua built in, or beside it", function()
    local path = nginx("openresty/1.25.3.1", "--prefix=/x --add-module=../ngx_lua-0.10.26")
    assert.same({ path = path, modules = {}, takes_log = true }, programs.find(path))
    local modules = new_folder()
    for _, name in ipairs { "ndk_http_module.so", "ngx_http_lua_module.so" } do system.write_private(modules .. "/" .. name, "") end
    path = nginx("nginx/1.18.0", "--modules-path=" .. modules)
    assert.same({ path = path, modules = { modules .. "/ndk_http_module.so", modules .. "/ngx_http_lua_module.so" }, takes_log = false },
      programs.find(path))
  end)

  it("without Lua, and none at all, are told with what to install", function()
    local path = nginx("nginx/1.22.1", "--prefix=" .. new_folder())
    local found, problem = programs.find(path)
    assert.is_nil(found)
    assert.matches(path .. " has no Lua module: apt%-get install", problem)
    assert.equal("/nowhere/nginx: there is no such program", (select(2, programs.find "/nowhere/nginx")))
  end)
end)

describe("our modules for LuaJIT", function()
  it("are beside those of another Lua", function()
    for theirs, ours in pairs { ["/build/lua5.4"] = "/build/luajit", ["/lib/lua/5.4"] = "/lib/lua/5.1" } do
      local root = new_folder()
      os.execute(("mkdir -p %s%s/opengatellm && : >%s%s/opengatellm/core.so"):format(root, ours, root, ours))
      assert.equal(root .. ours, (programs.library("/nowhere/?.so;" .. root .. theirs .. "/?.so")))
    end
  end)
end)
