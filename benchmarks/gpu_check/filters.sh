# Which tests of a program a stage runs, in GoogleTest's words: sourced by gpu-check. tests/device/gpu holds them against
# the suites that there are.

# What launches no kernel of Dermis: the emulator's own tests, planted bugs, functions of the host.
host_only='AsyncCopies.*:Divergence.*:GlobalMemory.*:MatrixTiles.*:Numbers.*:SharedMemory.*:Tickets.*:Tile.*:WarpExchange.*'
host_only+=':*Bugs*:PlantedIn*:AttentionReference.*:BackwardLaunch.*:DecodeLaunch.*:ForwardLaunch.*:Divider.*:RowGroups.*'
host_only+=':PtxOperations.*:PtxWarp.*:RowStatistics.*:GpuCheckFilters.*:GpuLauncherTest.*:KernelImages.*'

primitives='Machine/*'
# All others, so that the tests of a new kernel run, too.
kernels="-$primitives:$host_only"
# A small test of every kernel, for tools that make it a hundred times as slow.
few="$primitives:AttentionForward.Bf16Head72:AttentionBackward.SameBits*:AttentionDecode.SameBits*:*Device.*"
few+=':Rope/1.*:Embedding/1.*:ImageNormalise/1.*'
# Launches whose blocks and warps share sums or results.
same_bits='*SameBits*:RmsNormDevice.Weight*:LayerNormDevice.Weight*:GradientNormDevice.*'

# Of tests_kernels and tests_models; the others compute on the CPU.
operators='cuda_module.*:selftest.*'
models='GpuModel.*'
