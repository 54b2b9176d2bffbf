import Testing
import Torch

struct Refused: Error, Equatable {
    let place: String
}

@Suite struct CustomFunctionTests {
    @Test func gradientsFlowThroughTheClosures() throws {
        let x = try Tensor([1.0, 2.0, 3.0], shape: [3])
        let y = try Tensor([4.0, 5.0, 6.0], shape: [3])
        try x.setRequiresGradient(true)
        try y.setRequiresGradient(true)
        let product = try customFunction("product", inputs: [x, y]) {
            [try x * y]
        } backward: { gradients in
            guard let gradient = gradients[0] else { return [nil, nil] }
            return [try gradient * y, try gradient * x]
        }[0]
        #expect(try product.doubles() == [4, 10, 18])
        try product.sum().backward()
        #expect(try x.gradient?.doubles() == [4, 5, 6])
        #expect(try y.gradient?.doubles() == [1, 2, 3])
    }

    @Test func anErrorInBackwardComesOutOfBackwardAsItself() throws {
        let x = try Tensor([1.0], shape: [1])
        try x.setRequiresGradient(true)
        let y = try customFunction("refusing", inputs: [x]) {
            [try x * 2]
        } backward: { _ in
            throw Refused(place: "backward")
        }[0]
        #expect(throws: Refused(place: "backward")) { try y.sum().backward() }
    }

    @Test func anErrorInForwardComesOutAsItself() throws {
        let x = try Tensor([1.0], shape: [1])
        #expect(throws: Refused(place: "forward")) {
            _ = try customFunction("refusing", inputs: [x]) {
                throw Refused(place: "forward")
            } backward: { _ in
                [nil]
            }
        }
    }

    @Test func gradientsOfSeveralOutputsAreThoseOfCentralDifferences() throws {
        let x = try scattered([3, 2], seed: 1)
        let y = try scattered([3, 2], seed: 2)
        try expectGradients(of: [x, y]) {
            let outputs = try customFunction("sum and product", inputs: [x, y]) {
                [try x + y, try x * y]
            } backward: { gradients in
                let ofSum = try #require(gradients[0])
                let ofProduct = try #require(gradients[1])
                return [try ofSum + ofProduct * y, try ofSum + ofProduct * x]
            }
            return try (outputs[0].exp() * outputs[1]).sum()
        }
    }

    @Test func anUnusedOutputHasNoGradient() throws {
        let x = try Tensor([2.0], shape: [1])
        try x.setRequiresGradient(true)
        var unused = false
        let outputs = try customFunction("two", inputs: [x]) {
            [try x * 2, try x * 3]
        } backward: { gradients in
            unused = gradients[0] == nil
            return [try #require(gradients[1]) * 3]
        }
        try outputs[1].sum().backward()
        #expect(unused)
        #expect(try x.gradient?.doubles() == [3])
    }

    @Test func anInputMayBeLeftWithoutGradient() throws {
        let x = try Tensor([2.0], shape: [1])
        let y = try Tensor([3.0], shape: [1])
        try x.setRequiresGradient(true)
        try y.setRequiresGradient(true)
        let product = try customFunction("half blind", inputs: [x, y]) {
            [try x * y]
        } backward: { gradients in
            [try #require(gradients[0]) * y, nil]
        }[0]
        try product.sum().backward()
        #expect(try x.gradient?.doubles() == [3])
        #expect(y.gradient == nil)
    }

    @Test func recordingIsOffInBothClosures() throws {
        let x = try Tensor([2.0], shape: [1])
        try x.setRequiresGradient(true)
        var recorded: [Bool] = []
        let y = try customFunction("watching", inputs: [x]) {
            let result = try x * 2
            recorded.append(result.requiresGradient)
            return [result]
        } backward: { gradients in
            recorded.append(try (x * 2).requiresGradient)
            return gradients
        }[0]
        #expect(y.requiresGradient)
        try y.sum().backward()
        #expect(recorded == [false, false])
    }

    @Test func withoutAnInputThatRequiresGradientNothingIsRecorded() throws {
        let x = try Tensor([2.0], shape: [1])
        let y = try customFunction("plain", inputs: [x]) {
            [try x * 2]
        } backward: {
            $0
        }[0]
        #expect(!y.requiresGradient)
        #expect(try y.doubles() == [4])
    }

    @Test func anOutputMayBeAnInput() throws {
        let x = try Tensor([2.0], shape: [1])
        try x.setRequiresGradient(true)
        let y = try customFunction("scaled gradient", inputs: [x]) {
            [x]
        } backward: {
            [try #require($0[0]) * 10]
        }[0]
        #expect(try y.doubles() == [2])
        try y.sum().backward()
        #expect(try x.gradient?.doubles() == [10])
    }

    @Test func functionsNest() throws {
        let x = try Tensor([3.0], shape: [1])
        try x.setRequiresGradient(true)
        func square(_ x: Tensor) throws -> Tensor {
            try customFunction("square", inputs: [x]) {
                [try x.square()]
            } backward: {
                [try #require($0[0]) * x * 2]
            }[0]
        }
        let y = try customFunction("outer", inputs: [try square(x)]) {
            // Within a closure nothing is recorded, so this is a plain square.
            [try square(x.square())]
        } backward: { gradients in
            [try #require(gradients[0]) * x.square() * 2]
        }[0]
        #expect(try y.doubles() == [81])
        try y.sum().backward()
        #expect(try x.gradient?.doubles() == [108])
    }

    @Test func aRetainedGraphRunsAgainAndAReleasedOneThrows() throws {
        let x = try Tensor([1.0], shape: [1])
        try x.setRequiresGradient(true)
        let y = try customFunction("double", inputs: [x]) {
            [try x * 2]
        } backward: {
            [try #require($0[0]) * 2]
        }[0]
        try y.backward(retainGraph: true)
        try y.backward()
        #expect(try x.gradient?.doubles() == [4])
        let error = try #require(throws: TorchError.self) { try y.backward() }
        #expect(error.reason.contains("second time"))
    }

    @Test func aWrongNumberOfGradientsIsAnErrorWithTheFunctionsName() throws {
        let x = try Tensor([1.0], shape: [1])
        try x.setRequiresGradient(true)
        let y = try customFunction("forgetful", inputs: [x]) {
            [try x * 2]
        } backward: { _ in
            []
        }[0]
        let error = try #require(throws: TorchError.self) { try y.backward() }
        #expect(error.operation == "forgetful")
        #expect(error.reason == "backward returned 0 gradients for 1 inputs")
    }

    @Test func aGradientOfTheWrongShapeIsAnError() throws {
        let x = try Tensor([1.0, 2], shape: [2])
        try x.setRequiresGradient(true)
        let y = try customFunction("misshapen", inputs: [x]) {
            [try x * 2]
        } backward: { _ in
            [try Tensor.zeros([3], .float64)]
        }[0]
        #expect(throws: TorchError.self) { try y.sum().backward() }
    }

    @Test func anErrorLeavesLaterBackwardPassesUnharmed() throws {
        let x = try Tensor([1.0], shape: [1])
        try x.setRequiresGradient(true)
        var failing = true
        let y = try customFunction("failing once", inputs: [x]) {
            [try x * 2]
        } backward: { gradients in
            if failing { throw Refused(place: "first") }
            return [try #require(gradients[0]) * 2]
        }[0]
        #expect(throws: Refused(place: "first")) { try y.backward(retainGraph: true) }
        failing = false
        try y.backward()
        #expect(try x.gradient?.doubles() == [2])
    }

    @Test func backwardReleasesTheClosureAtOnce() throws {
        final class Watched {}
        weak var watched: Watched?
        let x = try Tensor([1.0], shape: [1])
        try x.setRequiresGradient(true)
        let y = try { () throws -> Tensor in
            let captured = Watched()
            watched = captured
            return try customFunction("watched", inputs: [x]) {
                [try x * 2]
            } backward: { gradients in
                withExtendedLifetime(captured) { gradients }
            }[0]
        }()
        #expect(watched != nil)
        try y.backward()
        #expect(watched == nil)
        #expect(y.requiresGradient)
    }

    @Test func aThousandGraphsLeaveNothingBehind() throws {
        final class Watched {
            nonisolated(unsafe) static var alive = 0
            init() { Self.alive += 1 }
            deinit { Self.alive -= 1 }
        }
        let weight = try scattered([4, 4], seed: 1)
        try weight.setRequiresGradient(true)
        try weight.setGradient(Tensor.zeros([4, 4], .float64))
        let before = TorchRuntime.tensorBalanceOfThread
        for round in 0..<1000 {
            let watched = Watched()
            let x = try Tensor.ones([3, 4], .float64)
            let product = try customFunction("product", inputs: [x, weight]) {
                [try x.matmul(weight)]
            } backward: { gradients in
                try withExtendedLifetime(watched) {
                    if round % 10 == 0 { throw Refused(place: "round \(round)") }
                    return [nil, try x.transposed(0, 1).matmul(#require(gradients[0]))]
                }
            }[0]
            let output = try product.batchNormTraining(residual: x, relu: true).output
            switch round % 10 {
            case 0: #expect(throws: Refused(place: "round \(round)")) { try output.sum().backward() }
            // Some graphs are dropped without backward, some after a retaining one.
            case 1: break
            case 2: try output.sum().backward(retainGraph: true)
            default: try output.sum().backward()
            }
        }
        #expect(TorchRuntime.tensorBalanceOfThread == before)
        #expect(Watched.alive == 0)
        #expect(TorchRuntime.liveTensors >= 1)
    }
}
