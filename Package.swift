// swift-tools-version: 6.0
import PackageDescription

// MURMUR_CORE=1 leaves out everything that needs a C library of the system: what remains (protocol, coordination,
// collectives) builds and tests on a bare toolchain.
let coreOnly = Context.environment["MURMUR_CORE"] == "1"

// Debian's libtorch by default; LIBTORCH=<dir> names any other (the `torch` folder of a PyPI wheel, for example).
let libtorch = Context.environment["LIBTORCH"]
let torchHeaders: [CXXSetting]
let torchLibraries: [LinkerSetting]
// 1.13's headers need C++17 with the toolchain's clang; newer ones ask for C++20.
let cxxStandard: CXXLanguageStandard
if let libtorch {
    torchHeaders = [
        .unsafeFlags([
            "-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include",
        ])
    ]
    // By path: a `-L` of another library may come first and find the system's libtorch.
    torchLibraries = [
        .unsafeFlags(
            ["torch_cpu", "c10"].flatMap { ["-Xlinker", "\(libtorch)/lib/lib\($0).so"] }
                + ["-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib"])
    ]
    cxxStandard = .cxx20
} else {
    torchHeaders = [.unsafeFlags(["-isystem", "/usr/include/torch/csrc/api/include"])]
    torchLibraries = [.linkedLibrary("torch_cpu"), .linkedLibrary("c10")]
    cxxStandard = .cxx17
}

var products: [Product] = []
var targets: [Target] = [
    // The core: no system library, no socket, no Foundation.
    .target(name: "Randomness"),
    .target(name: "ClusterProtocol"),
    .target(name: "Coordination", dependencies: ["ClusterProtocol"]),
    .target(name: "CReduction", cSettings: [.unsafeFlags(["-O3"])]),
    .target(name: "Collectives", dependencies: ["CReduction", "Randomness"]),
    .target(name: "CSharedMemory"),
    .target(name: "SharedMemoryTransport", dependencies: ["CSharedMemory", "Collectives"]),
    .target(
        name: "ClusterTestKit",
        dependencies: ["Randomness", "ClusterProtocol", "Coordination", "Collectives", "SharedMemoryTransport"]),
    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"]),
    .testTarget(name: "ClusterProtocolTests", dependencies: ["ClusterProtocol", "Randomness"]),
    .testTarget(
        name: "CoordinationTests", dependencies: ["Coordination", "ClusterTestKit"], exclude: ["Transcripts"]),
    .testTarget(
        name: "CollectivesTests", dependencies: ["Collectives", "ClusterTestKit"],
        exclude: ["Golden/make_compression.py"]),
    .testTarget(
        name: "SharedMemoryTransportTests",
        dependencies: ["SharedMemoryTransport", "Collectives", "ClusterTestKit", "Randomness"]),
]

if !coreOnly {
    products.append(.executable(name: "murmur", targets: ["murmur"]))
    targets += [
        .systemLibrary(name: "CZeroMQ", pkgConfig: "libzmq", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CTorch", cxxSettings: torchHeaders, linkerSettings: torchLibraries),

        .target(name: "Configuration", dependencies: ["CYAML", "Collectives"]),
        .target(
            name: "ImagePipeline",
            dependencies: ["Randomness", "CTurboJPEG", "CPNG", "CArchive", "CZlib"]),
        .target(name: "Checkpoints", dependencies: ["CSodium"]),
        .target(
            name: "ZeroMQTransport",
            dependencies: ["CZeroMQ", "CSodium", "ClusterProtocol", "Collectives"]),
        .target(name: "Torch", dependencies: ["CTorch"]),
        .target(name: "Contrastive", dependencies: ["Torch", "Randomness"]),
        .target(
            name: "Training",
            dependencies: [
                "Torch", "Contrastive", "Collectives", "ImagePipeline", "Checkpoints", "Configuration", "Randomness",
            ]),
        .target(
            name: "Evaluation", dependencies: ["Torch", "Contrastive", "ImagePipeline"]),
        .target(
            name: "Runtime",
            dependencies: ["Training", "Evaluation", "Coordination", "ZeroMQTransport", "SharedMemoryTransport"]),
        .executableTarget(name: "murmur", dependencies: ["Runtime", "Configuration", "Collectives"]),

        .target(name: "GoldenTestKit"),
        .testTarget(name: "ConfigurationTests", dependencies: ["Configuration", "Randomness"]),
        .testTarget(
            name: "ImagePipelineTests", dependencies: ["ImagePipeline", "Randomness"],
            resources: [.copy("Golden")]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "Randomness"]),
        .testTarget(name: "ZeroMQTransportTests", dependencies: ["ZeroMQTransport", "Collectives"]),
        .testTarget(name: "TorchTests", dependencies: ["Torch"]),
        .testTarget(
            name: "ContrastiveTests", dependencies: ["Contrastive", "GoldenTestKit"],
            resources: [.copy("Golden")]),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation"]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Torch", "Contrastive", "Collectives", "ImagePipeline", "Checkpoints", "Configuration",
                "Randomness", "ClusterTestKit", "SharedMemoryTransport",
            ]),
        .testTarget(name: "RuntimeTests", dependencies: ["Runtime", "Collectives", "ClusterTestKit"]),
        // Real processes of the `murmur` command.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "murmur", "Checkpoints", "ClusterProtocol", "Configuration", "GoldenTestKit", "ImagePipeline",
                "Randomness", "Runtime", "ZeroMQTransport",
            ]),
    ]
}

let package = Package(
    name: "murmuration",
    products: products,
    targets: targets,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: cxxStandard
)
