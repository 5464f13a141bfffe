--- luv once in a process: busted loads modules anew for each spec file, and a luv that is loaded twice in one Lua closes the loop of the
--- second when the first is collected.
local registry = debug.getregistry()
local kept = registry["opengatellm.spec.once"] or {}
registry["opengatellm.spec.once"] = kept

-- As `require` would, but for package.preload, which leads here.
local function load(name)
  local tried = {}
  for i = 2, #(package.searchers or package.loaders) do
    local loader, extra = (package.searchers or package.loaders)[i](name)
    if type(loader) == "function" then return loader(name, extra) end
    tried[#tried + 1] = loader
  end
  error(("module '%s' not found:%s"):format(name, table.concat(tried)))
end

package.preload.luv = function()
  kept.luv = kept.luv or load "luv"
  return kept.luv
end
