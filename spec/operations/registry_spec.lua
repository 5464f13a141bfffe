-- The rows and the change log agree with each other, and going back in time gives each version its own form.
local change_log = require "opengatellm.operations.change_log"
local registry = require "opengatellm.operations.registry"
local server = require "opengatellm.operations.server"

local function at(name, version) return registry.at(name, server.parse(version)) end

describe("the rows", function()
  it("have names, methods and paths of their own", function()
    local names, routes = {}, {}
    for _, row in ipairs(registry.all()) do
      assert.is_nil(names[row.name], row.name)
      names[row.name] = true
      local route = row.method .. " " .. row.path .. (row.follow or "")
      assert.is_nil(routes[route], route)
      routes[route] = true
      assert.matches("^%u+$", row.method)
      assert.matches("^/", row.path)
      assert.matches("%.$", row.doc)
      assert.is_not_nil(row.result, row.name)
    end
  end)

  it("say of every parameter what it means, and of every id in a path that it is needed", function()
    for _, row in ipairs(registry.all()) do
      for name, parameter in pairs(row.parameters) do
        assert.is_truthy(parameter.doc and #parameter.doc > 2, row.name .. "." .. name)
        assert.is_not_nil(row.places[name], row.name .. "." .. name)
        if row.places[name] == "path" then assert.is_true(parameter.required) end
      end
      for _, id in ipairs(row.ids) do assert.is_not_nil(row.parameters[id], row.name .. "." .. id) end
    end
  end)

  it("complete an update by an operation that is there", function()
    for _, row in ipairs(registry.all()) do
      if row.complete then assert.is_not_nil(registry.find(row.complete), row.name) end
    end
  end)
end)

describe("the change log", function()
  it("goes from new to old, and names operations and parameters that are there", function()
    local last = math.huge
    for _, entry in ipairs(change_log) do
      assert.is_true(entry.number < last)
      last = entry.number
      assert.matches("%.$", entry.about)
      for name, before in pairs(entry.before or {}) do
        local row = assert(registry.find(name), name)
        for _, field in ipairs { "with", "without" } do
          for _, parameter in ipairs(before[field] or {}) do assert.is_not_nil(row.parameters[parameter], name .. "." .. parameter) end
        end
        for parameter in pairs(before.names or {}) do assert.is_not_nil(row.parameters[parameter], name .. "." .. parameter) end
        for parameter in pairs(before.types or {}) do assert.is_not_nil(row.parameters[parameter], name .. "." .. parameter) end
      end
      for _, list in pairs { entry.new or {}, entry.gone or {} } do
        for _, name in ipairs(list) do assert.is_true(name == "chat.search" or registry.find(name) ~= nil, name) end
      end
    end
  end)

  it("gives each version its paths and names", function()
    local cases = { -- operation, version, path, names
      { "me", "0.9.2", "/me" }, { "me", "0.7", "/me" }, { "me", "0.6", "/me/info" }, { "me", "0.4.1", "/me/info" },
      { "keys.list", "0.9", "/keys" }, { "keys.list", "0.6", "/me/keys", sort_by = "order_by", sort_order = "order_direction" },
      { "admin.keys.get", "0.7", "/admin/keys/{id}" }, { "admin.keys.get", "0.6", "/admin/tokens/{id}" },
      { "admin.keys.list", "0.4.5", "/admin/tokens", user_id = "user", sort_by = "order_by", sort_order = "order_direction" },
      { "admin.users.list", "0.8", "/admin/users", sort_by = "order_by", sort_order = "order_direction" },
      { "admin.users.list", "0.6", "/admin/users", role_id = "role", organization_id = "organization", sort_by = "order_by", sort_order = "order_direction" },
      { "admin.providers.list", "0.4.5", "/admin/providers" },
      { "admin.providers.list", "0.4.1", "/admin/providers", router_id = "router", sort_by = "order_by", sort_order = "order_direction" },
      { "usage", "0.8", "/usage" }, { "usage", "0.7", "/usage" }, { "usage", "0.6", "/me/usage" },
    }
    for _, case in ipairs(cases) do
      local operation, names = at(case[1], case[2]), {}
      for key, value in pairs(case) do if type(key) == "string" then names[key] = value end end
      assert.equal(case[3], operation.path)
      assert.same(names, operation.names)
    end
  end)

  it("gives each version its parameters", function()
    local cases = { -- operation, version, parameter, absent
      { "keys.list", "0.9", "status", false }, { "keys.list", "0.8", "status", true }, { "usage", "0.8", "models", false },
      { "usage", "0.7", "models", true }, { "admin.providers.create", "0.9.3", "qos_limit", false },
      { "admin.providers.create", "0.9.2", "qos_limit", true }, { "admin.providers.create", "0.8", "qos_limit", false },
      { "admin.providers.create", "0.9.3", "qos_metric", true }, { "admin.providers.create", "0.4.5", "qos_metric", false },
      { "admin.users.create", "0.9", "priority", true }, { "admin.users.create", "0.8", "priority", false },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[4], at(case[1], case[2]).absent[case[3]] or false, table.concat({ case[1], case[2], case[3] }, " "))
    end
    assert.equal("before 0.9 and from 0.9.3 on", registry.range_of("admin.providers.create", "qos_limit"))
    assert.equal("before 0.9", registry.range_of("admin.users.create", "priority"))
    assert.equal("from 0.8 on", registry.range_of("usage", "models"))
    assert.is_true(at("admin.users.create", "0.9").parameters.organization_id.required)
    assert.is_nil(at("admin.users.create", "0.8").parameters.organization_id.required)
  end)

  it("says where an operation is to be had", function()
    assert.equal("from 0.9 on", at("keys.update", "0.8").missing)
    assert.is_nil(at("keys.update", "0.9.0").missing)
    assert.equal("before 0.5", at("legacy.parse", "0.6").missing)
    assert.is_nil(at("legacy.parse", "0.4.5").missing)
    assert.equal("from 0.4.5 on", at("health_models", "0.4.1").missing)
    assert.equal("before 0.9", registry.missing("chat.search", server.parse "0.9.2"))
  end)

  it("stops completing updates where they are partial", function()
    for _, name in ipairs { "update_me", "admin.users.update", "admin.roles.update", "admin.routers.update", "admin.providers.update" } do
      assert.is_string(at(name, "0.7").complete)
      assert.is_falsy(at(name, "0.6").complete)
    end
  end)
end)
