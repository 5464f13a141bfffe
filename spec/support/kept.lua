--- What has to outlive a spec file. busted loads modules anew for each file, so a module's own locals do not last; Lua's registry does.
local registry = debug.getregistry()
registry["opengatellm.spec"] = registry["opengatellm.spec"] or { servers = {}, ids = 0, files = 0 }
return registry["opengatellm.spec"]
