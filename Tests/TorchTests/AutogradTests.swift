import Foundation
import Testing
import Torch

@Suite struct AutogradTests {
    @Test func backwardAccumulatesAndStopsAtDetached() throws {
        let x = try Tensor([1.0, 2], shape: [2])
        try x.setRequiresGradient(true)
        #expect(x.gradient == nil)
        let y = try x.square() + x.detached()
        #expect(y.requiresGradient)
        try y.sum().backward(retainGraph: true)
        #expect(try x.gradient?.doubles() == [2, 4])
        try y.sum().backward()
        #expect(try x.gradient?.doubles() == [4, 8])
        try x.setGradient(nil)
        #expect(x.gradient == nil)
    }

    @Test func backwardTakesAGradient() throws {
        let x = try Tensor([1.0, 2], shape: [2])
        try x.setRequiresGradient(true)
        try x.square().backward(Tensor([10.0, 100], shape: [2]))
        #expect(try x.gradient?.doubles() == [20, 400])
    }

    @Test func backwardWithoutGraphNamesItself() throws {
        let error = try #require(throws: TorchError.self) { try Tensor([1.0], shape: [1]).backward() }
        #expect(error.operation == "backward")
        #expect(error.inputs.first == "float64 [1]")
        #expect(throws: TorchError.self) { try Tensor([Int64(1)], shape: [1]).setRequiresGradient(true) }
    }

    @Test func aSecondBackwardWithoutRetainingIsAnError() throws {
        let x = try Tensor([1.0, 2], shape: [2])
        try x.setRequiresGradient(true)
        let y = try x.exp().sum()
        try y.backward()
        #expect(throws: TorchError.self) { try y.backward() }
    }

    @Test func gradientsAccumulateInPlaceInAFlatBuffer() throws {
        let bucket = try Tensor.zeros([5], .float64)
        let x = try Tensor([1.0, 2], shape: [2])
        let weight = try Tensor([1.0, 2, 3], shape: [3, 1])
        try x.setRequiresGradient(true)
        try weight.setRequiresGradient(true)
        try x.setGradient(bucket.narrowed(dim: 0, start: 0, length: 2))
        try weight.setGradient(bucket.narrowed(dim: 0, start: 2, length: 3).reshape([3, 1]))
        try (x.square().sum() + weight.square().sum()).backward()
        #expect(try bucket.doubles() == [2, 4, 2, 4, 6])
        try x.square().sum().backward()
        #expect(try bucket.doubles() == [4, 8, 2, 4, 6])
        #expect(throws: TorchError.self) { try x.setGradient(Tensor.zeros([3], .float64)) }
    }

    @Test func withoutGradientNothingIsRecordedAndLeavesMayChange() throws {
        let x = try Tensor([1.0, 2], shape: [2])
        try x.setRequiresGradient(true)
        #expect(throws: TorchError.self) { try x.multiplyInPlace(2) }
        let y = try withoutGradient {
            try x.multiplyInPlace(2)
            return try x * 3
        }
        #expect(!y.requiresGradient)
        #expect(try (x * 3).requiresGradient)
        #expect(try x.doubles() == [2, 4])
    }

    @Test func theHookRunsAfterEachGradientHasLandedWhileItIsHeld() throws {
        final class Log {
            var seen: [[Double]] = []
        }
        let log = Log()
        let x = try Tensor([1.0, 2], shape: [2])
        try x.setRequiresGradient(true)
        try x.setGradient(Tensor.zeros([2], .float64))
        var hook: GradientHook? = try x.onGradientReady { [weak x] in
            if let values = try? x?.gradient?.doubles() { log.seen.append(values) }
        }
        try withExtendedLifetime(hook) {
            // Used twice, landing once.
            try (x.square().sum() + x.sum()).backward()
            #expect(log.seen == [[3, 5]])
            try x.sum().backward()
            #expect(log.seen == [[3, 5], [4, 6]])
        }
        let held = try x.sum()
        hook = nil
        try held.backward()
        #expect(log.seen.count == 2)
        #expect(hook == nil)
    }

    @Test func onlyALeafThatRequiresGradientHasAHook() throws {
        final class Watched {}
        weak var watched: Watched?
        do {
            let captured = Watched()
            watched = captured
            let error = try #require(throws: TorchError.self) {
                try Tensor.zeros([2]).onGradientReady { withExtendedLifetime(captured) {} }
            }
            #expect(error.operation == "onGradientReady")
        }
        #expect(watched == nil)
    }

    @Test func aHookReleasesItsClosure() throws {
        final class Watched {}
        weak var watched: Watched?
        let x = try Tensor([1.0], shape: [1])
        try x.setRequiresGradient(true)
        do {
            let captured = Watched()
            watched = captured
            let hook = try x.onGradientReady { withExtendedLifetime(captured) {} }
            try withExtendedLifetime(hook) { try x.sum().backward() }
        }
        #expect(watched == nil)
    }
}
