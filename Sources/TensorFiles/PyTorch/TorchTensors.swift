import TensorGraph

/// Which tensors a pickle describes, and whether each lies in its storage.
extension TorchFile {
  /// Those in dictionaries and lists within each other, by name.
  static func tensors(
    of root: PickleValue, in pickle: Pickle
  ) throws(PickleFault) -> [(String, PickleTensor)] {
    guard case .object(let number) = root, case .dictionary = pickle.objects[number] else {
      throw PickleFault(
        text: "holds something else than a dictionary of tensors; in Python, save the weights with "
          + "torch.save(model.state_dict(), \"model.pth\")")
    }
    var found: [(String, PickleTensor)] = []
    var names: Set<String> = []
    var visited = 0
    func visit(_ value: PickleValue, _ name: String, _ depth: Int) throws(PickleFault) {
      visited += 1
      guard visited <= mostVisited else {
        throw PickleFault(
          text:
            "leads to more than \(mostVisited) values, the limit, through what it holds several "
            + "times")
      }
      guard case .object(let number) = value else { return }
      guard name.utf8.count <= longestName else {
        throw PickleFault(
          text: "has a name of more than \(longestName) characters, the limit")
      }
      guard depth <= deepest else {
        throw PickleFault(
          text: "holds dictionaries or lists more than \(deepest) deep, perhaps in themselves")
      }
      func member(_ key: String) -> String { depth == 0 ? key : name + "/" + key }
      switch pickle.objects[number] {
      case .storage: break
      case .tensor(let tensor):
        guard found.count < mostTensors else {
          throw PickleFault(text: "has more than \(mostTensors) tensors, the limit")
        }
        guard names.insert(name).inserted else {
          throw PickleFault(text: "has the tensor \(printable(name)) twice")
        }
        found.append((name, tensor))
      case .list(let elements), .tuple(let elements):
        for (index, element) in elements.enumerated() {
          try visit(element, member("\(index)"), depth + 1)
        }
      case .dictionary(let entries):
        for entry in entries {
          switch entry.key {
          case .text(let key): try visit(entry.value, member(key), depth + 1)
          case .integer(let key): try visit(entry.value, member("\(key)"), depth + 1)
          // No name of a tensor's.
          default: continue
          }
        }
      }
    }
    try visit(root, "", 0)
    guard !found.isEmpty else { throw PickleFault(text: "holds no tensors") }
    return found
  }

  /// Checks each tensor against its storage.
  static func layOut(
    _ found: [(String, PickleTensor)], _ path: String,
    _ region: (PickleStorage) throws -> FileRegion
  ) throws -> ([StoredTensor], [String: Place]) {
    var places: [String: Place] = [:]
    var tensors: [StoredTensor] = []
    var problems: [CheckpointError.Problem] = []
    let mostElements = HDF5Limits().elements
    for (name, tensor) in found {
      let storage = tensor.storage
      let region = try region(storage)
      let (bytes, overflow) = storage.count.multipliedReportingOverflow(
        by: storage.elementType.byteCount)
      guard !overflow, bytes == region.count else {
        problems.append(
          .init(
            dataset: name,
            "lies in a storage of \(storage.count) \(storage.elementType), but \(region.count) bytes "
              + "of it are stored"))
        continue
      }
      guard let count = count(of: tensor.shape, atMost: mostElements),
        tensor.strides.count == tensor.shape.count,
        span(tensor).map({ $0 <= storage.view.count }) ?? false, count <= storage.view.count
      else {
        problems.append(
          .init(
            dataset: name,
            "has the shape \(tensor.shape) with strides \(tensor.strides) from element "
              + "\(tensor.offset) on, which do not fit its storage of \(storage.view.count) elements"
          ))
        continue
      }
      tensors.append(
        StoredTensor(name: name, shape: Shape(tensor.shape), elementType: storage.elementType))
      places[name] = Place(
        region: region, offset: storage.view.lowerBound + (count == 0 ? 0 : tensor.offset),
        strides: isInOrder(tensor) ? nil : tensor.strides, elementType: storage.elementType)
    }
    guard problems.isEmpty else { throw CheckpointError(path: path, problems: problems) }
    return (tensors.sorted { $0.name < $1.name }, places)
  }

  static func count(of shape: [Int], atMost limit: Int) -> Int? {
    guard shape.count <= 32 else { return nil }
    var count = 1
    for extent in shape {
      guard extent >= 0 else { return nil }
      // The product of the other extents must not overflow either when one of them is zero.
      let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow, product <= limit else { return nil }
      count = product
    }
    return shape.contains(0) ? 0 : count
  }

  /// Elements of the storage up to the tensor's last one.
  static func span(_ tensor: PickleTensor) -> Int? {
    guard tensor.offset >= 0 else { return nil }
    guard !tensor.shape.contains(0) else { return 0 }
    var last = tensor.offset
    for (extent, stride) in zip(tensor.shape, tensor.strides) {
      guard stride >= 0 else { return nil }
      let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, carries) = last.addingReportingOverflow(reach)
      guard !overflow, !carries else { return nil }
      last = sum
    }
    let (span, overflow) = last.addingReportingOverflow(1)
    return overflow ? nil : span
  }

  /// Whether elements lie one after the other in row-major order.
  static func isInOrder(_ tensor: PickleTensor) -> Bool {
    var expected = 1
    for (extent, stride) in zip(tensor.shape, tensor.strides).reversed() where extent != 1 {
      guard stride == expected else { return tensor.shape.contains(0) }
      expected *= extent
    }
    return true
  }
}
