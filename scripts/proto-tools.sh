# Sourced after common.sh: builds the plugins of protoc and says where they are. PROTOC_PLUGINS names a folder that has both already.
if [ -z "${PROTOC_PLUGINS-}" ]; then
  tools=Tools/protoc-gen-mesos-json
  log=$(mktemp)
  for product in protoc-gen-swift protoc-gen-mesos-json; do
    swift build --package-path "$tools" --product "$product" >"$log" 2>&1 || {
      cat "$log" >&2
      die "cannot build $product"
    }
  done
  rm -f "$log"
  PROTOC_PLUGINS=$(swift build --package-path "$tools" --show-bin-path)
  export PROTOC_PLUGINS
fi
protoc_gen_swift=$PROTOC_PLUGINS/protoc-gen-swift
protoc_gen_mesos_json=$PROTOC_PLUGINS/protoc-gen-mesos-json
