import TensorGraph
import TensorReference

/// Numbers from -1 to 1, the same in every run.
struct Numbers {
  var state: UInt64

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }
  mutating func array(_ shape: Shape) -> ReferenceArray {
    ReferenceArray(shape: shape, values: (0..<shape.count).map { _ in next() })
  }
}

func message(_ body: () throws -> Void) -> String {
  do { try body() } catch { return "\(error)" }
  return "no error"
}
