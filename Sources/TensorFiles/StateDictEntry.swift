import TensorGraph

/// An array of a state dict that is written: the values are requested one after the other.
package struct StateDictEntry {
  package enum Content {
    case floats(Shape, () -> Tensor)
    case integer(Int64)
  }
  let name: String
  let content: Content

  package init(name: String, content: Content) {
    (self.name, self.content) = (name, content)
  }

  var shape: Shape {
    switch content {
    case .floats(let shape, _): shape
    case .integer: .scalar
    }
  }

  var byteCount: Int {
    switch content {
    case .floats(let shape, _): 4 * shape.count
    case .integer: 8
    }
  }

  var isInteger: Bool {
    switch content {
    case .floats: false
    case .integer: true
    }
  }

  /// Little-endian, as the memory of our machines.
  func withBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    switch content {
    case .integer(let integer): try withUnsafeBytes(of: integer.littleEndian) { try body($0) }
    case .floats(let shape, let tensor):
      let tensor = tensor()
      precondition(tensor.shape == shape, "\(name): \(tensor.shape) for \(shape)")
      try tensor.values.withUnsafeBytes { try body($0) }
    }
  }
}
