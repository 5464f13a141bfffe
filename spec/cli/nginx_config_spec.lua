local config = require "opengatellm.cli.nginx_config"

local function text(changes)
  local values = {
    modules = {}, share = "/share", library = "/library", gateway = "/etc/gateway.lua", listen = "127.0.0.1:11434", variables = { "OGL_TOKEN" },
    resolvers = { "9.9.9.9", "[fd00::1]" }, workers = "1",
  }
  for name, value in pairs(changes or {}) do values[name] = value end
  return config.text(values)
end

local function has(where, what) assert.truthy(where:find(what, 1, true), what .. " is not in\n" .. where) end

describe("nginx's configuration", function()
  it("has what it is given, and nothing of what is not", function()
    local told = text()
    for _, line in ipairs {
      'listen "127.0.0.1:11434";', "env OGL_TOKEN;\n", "resolver 9.9.9.9 [fd00::1] ipv6=off;", 'lua_package_cpath "/library/?.so;;";',
      'lua_package_path "/share/?.lua;/share/?/init.lua;;";', 'load("/etc/gateway.lua")', "access_log off;", "worker_processes 1;",
    } do has(told, line) end
    for _, word in ipairs { "load_module", "user ", "lua_ssl", "os.exit", "@" } do assert.is_nil(told:find(word, 1, true), word) end
    told = text { modules = { "/m/a.so", "/m/b.so" }, user = "www", authorities = "/ca.pem", access_log = "/log", is_check = true, body = 1000 }
    for _, line in ipairs {
      'load_module "/m/a.so";\nload_module "/m/b.so";\n', 'user "www";', 'lua_ssl_trusted_certificate "/ca.pem";', 'access_log "/log" gateway;', "os.exit",
      "client_max_body_size 1000;",
    } do has(told, line) end
  end)

  it("keeps words of the user within their quotes", function()
    local told = text { listen = 'unix:/a "b"\\c', gateway = '/it\'s "one".lua' }
    has(told, [[listen "unix:/a \"b\"\\c";]])
    has(told, [[load("/it's \"one\".lua")]])
  end)
end)
