import Foundation
import Testing
import Torch

@Suite struct TensorTests {
    @Test(arguments: ScalarType.allCases)
    func everyScalarTypeIsCreatedAndReadBack(_ type: ScalarType) throws {
        let ones = try Tensor.ones([2, 3], type)
        #expect(ones.scalarType == type)
        #expect(try ones.doubles() == Array(repeating: 1, count: 6))
        #expect(try ones.copyBytes().count == 6 * type.byteCount)
    }

    @Test func creationGivesShapeTypeAndValues() throws {
        #expect(try Tensor.zeros([2]).doubles() == [0, 0])
        #expect(try Tensor.full([], 2.5, .float64).item() == 2.5)
        #expect(try Tensor.arange(3).int64s() == [0, 1, 2])
        #expect(try Tensor.eye(2).floats() == [1, 0, 0, 1])
        #expect(try Tensor.empty([1, 2, 3, 4], channelsLast: true).isChannelsLast)
        #expect(try Tensor([UInt8(7)], shape: [1, 1]).scalarType == .uint8)
        #expect(try Tensor([Int64(7)], shape: []).dimensions == 0)
        let tensor = try Tensor([1.0, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(tensor.shape == [2, 3])
        #expect(tensor.strides == [3, 1])
        #expect(tensor.count == 6)
        #expect(tensor.dimensions == 2)
        #expect(tensor.isContiguous)
        #expect(!tensor.requiresGradient)
    }

    @Test func copyingTakesTheBytesAndChecksTheirNumber() throws {
        let values: [Float] = [1, 2, 3]
        let tensor = try values.withUnsafeBytes { try Tensor.copying(bytes: $0, shape: [3], type: .float32) }
        #expect(try tensor.floats() == values)
        #expect(throws: TorchError.self) {
            try values.withUnsafeBytes { try Tensor.copying(bytes: $0, shape: [4], type: .float32) }
        }
        #expect(throws: TorchError.self) { try Tensor(values, shape: [2]) }
    }

    @Test func emptyTensorsHaveNoElements() throws {
        #expect(try Tensor([Float](), shape: [0, 3]).floats().isEmpty)
        #expect(try Tensor.zeros([0]).copyBytes().isEmpty)
        #expect(try Tensor.zeros([2, 0]).withUnsafeMutableBytes { $0.count } == 0)
    }

    @Test func bytesAreInLogicalOrderWhateverTheLayout() throws {
        let values = (0..<24).map { UInt8($0) }
        let tensor = try Tensor(values, shape: [1, 2, 3, 4])
        let channelsLast = try tensor.channelsLast()
        #expect(channelsLast.isChannelsLast)
        #expect(!channelsLast.isContiguous)
        #expect(try channelsLast.copyBytes() == values)
        let memory = try channelsLast.withUnsafeMutableBytes { Array($0) }
        let interleaved = zip(values[..<12], values[12...]).flatMap { [$0, $1] }
        #expect(memory == interleaved)
    }

    @Test func memoryWithGapsIsNotGivenOut() throws {
        let tensor = try Tensor.zeros([4, 4])
        #expect(throws: TorchError.self) {
            try tensor.narrowed(dim: 1, start: 0, length: 2).withUnsafeMutableBytes { _ in }
        }
        try tensor.narrowed(dim: 0, start: 1, length: 1).withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: Float.self)[2] = 5
        }
        #expect(try tensor.selected(dim: 0, index: 1).selected(dim: 0, index: 2).item() == 5)
    }

    @Test func aViewUsesTheMemoryAndKeepsItsOwner() throws {
        final class Owner {
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: 6)
            init() { memory.initialize(repeating: 1, count: 6) }
            deinit { memory.deallocate() }
        }
        weak var watched: Owner?
        var part: Tensor?
        do {
            let owner = Owner()
            watched = owner
            let view = try Tensor.view(memory: owner.memory, shape: [2, 3], type: .float32, keepAlive: owner)
            owner.memory[4] = 8
            try view.multiplyInPlace(2)
            #expect(owner.memory[4] == 16)
            part = try view.selected(dim: 1, index: 1)
            let transposed = try Tensor.view(
                memory: owner.memory, shape: [3, 2], strides: [1, 3], type: .float32, keepAlive: owner)
            #expect(try transposed.floats() == [2, 2, 2, 16, 2, 2])
        }
        #expect(watched != nil)
        #expect(try part?.floats() == [2, 16])
        part = nil
        #expect(watched == nil)
    }

    @Test func aViewThatFailsReleasesItsOwner() throws {
        final class Owner {}
        weak var watched: Owner?
        do {
            let owner = Owner()
            watched = owner
            try withUnsafeTemporaryAllocation(byteCount: 16, alignment: 16) { memory in
                let start = try #require(memory.baseAddress)
                #expect(throws: TorchError.self) {
                    try Tensor.view(memory: start, shape: [-2], type: .float32, keepAlive: owner)
                }
                #expect(throws: TorchError.self) {
                    try Tensor.view(memory: start, shape: [2], strides: [1, 1], type: .float32, keepAlive: owner)
                }
            }
        }
        #expect(watched == nil)
    }

    @Test func descriptionHasTypeShapeAndFewValues() throws {
        #expect(try "\(Tensor([1.5, 2], shape: [2]))" == "float64 [2] (1.5, 2.0)")
        #expect(try "\(Tensor.zeros([3, 4]))" == "float32 [3, 4]")
    }

    @Test func errorsCarryOperationShapesAndOneLine() throws {
        let a = try Tensor.zeros([2, 3])
        let b = try Tensor.zeros([4, 5], .float64)
        let error = try #require(throws: TorchError.self) { try a.matmul(b) }
        #expect(error.operation == "matmul")
        #expect(error.inputs == ["float32 [2, 3]", "float64 [4, 5]"])
        #expect(error.description.hasPrefix("matmul(float32 [2, 3], float64 [4, 5]): "))
        #expect(!error.reason.isEmpty)
        #expect(!error.description.contains("\n"))
        let conv = try #require(throws: TorchError.self) { try a.conv2d(weight: a) }
        #expect(conv.inputs == ["float32 [2, 3]", "float32 [2, 3]", "none"])
        #expect(throws: TorchError.self) { try Tensor.concatenated([], dim: 0) }
        #expect(throws: TorchError.self) { try Tensor.zeros([2]).item() }
        #expect(throws: TorchError.self) { try Tensor.zeros([-1]) }
    }

    @Test func theNumberOfThreadsIsThatOfTheCallingThread() throws {
        let before = TorchRuntime.threads
        defer { try? TorchRuntime.setThreads(before) }
        try TorchRuntime.setThreads(2)
        #expect(TorchRuntime.threads == 2)
        #expect(throws: TorchError.self) { try TorchRuntime.setThreads(0) }
        #expect(TorchRuntime.version.split(separator: ".").count >= 2)
    }
}
