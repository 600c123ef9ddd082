import CHDF5
import TensorGraph

/// One pass over all groups and datasets of a file, refusing what `HDF5File` says it refuses. Runs
/// inside `HDF5Library.alone`.
struct HDF5Walk {
  let path: String
  let limits: HDF5Limits
  let fileSize: Int
  private(set) var tensors: [StoredTensor] = []
  private(set) var groups: [String] = []
  private var visited: Set<UInt64> = []
  private var linkCount = 0

  init(path: String, limits: HDF5Limits, fileSize: Int) {
    self.path = path
    self.limits = limits
    self.fileSize = fileSize
  }

  mutating func visit(group: hid_t, name: String, depth: Int) throws {
    let shown = name.isEmpty ? nil : name
    guard depth <= limits.depth else {
      throw failure(shown, "is a group more than \(limits.depth) groups deep")
    }
    var identity: UInt64 = 0
    guard hdf5_object_identity(group, &identity) >= 0 else {
      throw failure(shown, "is a group that cannot be read\(HDF5Library.reason())")
    }
    guard visited.insert(identity).inserted else {
      throw failure(shown, "is a group that the file reaches twice, perhaps a cycle")
    }
    for link in try links(of: group, name: shown) {
      guard let component = link.name, !component.isEmpty, component != "." else {
        throw failure(shown, "has a member whose name is not a usable UTF-8 name")
      }
      let member = name.isEmpty ? component : name + "/" + component
      guard link.kind == hdf5_hard_link.rawValue else {
        let kind =
          link.kind == hdf5_external_link.rawValue
          ? "a link into another file"
          : link.kind == hdf5_soft_link.rawValue ? "a soft link" : "a user-defined link"
        throw failure(member, "is \(kind), which is refused: store the data itself")
      }
      guard let object = HDF5Handle(H5Oopen(group, component, 0)) else {
        throw failure(member, "cannot be opened\(HDF5Library.reason())")
      }
      switch H5Iget_type(object.identifier) {
      case H5I_GROUP:
        groups.append(member)
        try visit(group: object.identifier, name: member, depth: depth + 1)
      case H5I_DATASET: try tensors.append(inspect(dataset: object.identifier, name: member))
      default: break  // A named type holds no data.
      }
    }
  }

  private func failure(_ dataset: String?, _ text: String) -> CheckpointError {
    CheckpointError(path: path, dataset: dataset, text)
  }

  private struct Link {
    /// Nil when it is not UTF-8.
    let name: String?
    let kind: UInt32
  }

  private struct Links {
    var found: [Link] = []
    var room: Int
  }

  private mutating func links(of group: hid_t, name: String?) throws -> [Link] {
    var links = Links(room: limits.links - linkCount)
    let status = withUnsafeMutablePointer(to: &links) { context in
      hdf5_visit_links(
        group,
        { name, kind, context in
          guard let name, let context else { return -1 }
          let links = context.assumingMemoryBound(to: Links.self)
          guard links.pointee.room > 0 else { return 1 }
          links.pointee.room -= 1
          links.pointee.found.append(
            Link(name: String(validatingCString: name), kind: UInt32(kind)))
          return 0
        }, context)
    }
    guard status >= 0 else {
      throw failure(name, "has members that cannot be listed\(HDF5Library.reason())")
    }
    guard status == 0 else {
      throw failure(nil, "has more than \(limits.links) links")
    }
    linkCount += links.found.count
    return links.found
  }

  // MARK: Datasets

  private func inspect(dataset: hid_t, name: String) throws -> StoredTensor {
    guard let creation = HDF5Handle(H5Dget_create_plist(dataset)),
      let type = HDF5Handle(H5Dget_type(dataset)), let space = HDF5Handle(H5Dget_space(dataset))
    else { throw failure(name, "cannot be read\(HDF5Library.reason())") }
    let layout = H5Pget_layout(creation.identifier)
    guard H5Pget_external_count(creation.identifier) == 0 else {
      throw failure(name, "has its data in another file, which is refused: store the data itself")
    }
    guard [H5D_COMPACT, H5D_CONTIGUOUS, H5D_CHUNKED].contains(layout) else {
      throw failure(name, "is a virtual dataset, which is refused: store the data itself")
    }
    guard H5Sget_simple_extent_type(space.identifier) != H5S_NULL else {
      return StoredTensor(name: name, shape: [0], elementType: .other("nothing (null dataspace)"))
    }
    let elementType = Self.elementType(type.identifier)
    let (shape, count) = try extents(of: space.identifier, name: name)
    if case .other = elementType {
      return StoredTensor(name: name, shape: shape, elementType: elementType)
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(
      by: H5Tget_size(type.identifier))
    guard !overflow else { throw failure(name, "is larger than memory can be") }

    let stored = H5Dget_storage_size(dataset)
    guard stored <= fileSize else {
      throw failure(name, "claims \(stored) bytes of a file of \(fileSize) bytes")
    }
    var backed = Int(stored)
    if layout == H5D_CHUNKED {
      let expansion = try self.expansion(creation: creation.identifier, name: name)
      backed = backed.multipliedReportingOverflow(by: expansion).partialValue
      try checkChunk(
        creation: creation.identifier, elementSize: H5Tget_size(type.identifier), backed: backed,
        name: name)
    } else {
      guard H5Pget_nfilters(creation.identifier) == 0 else {
        throw failure(name, "has filters without chunks")
      }
    }
    guard bytes <= backed else {
      throw failure(
        name, "has shape \(shape), \(bytes) bytes, but only \(stored) bytes of data are stored")
    }
    if layout == H5D_CONTIGUOUS, bytes > 0 {
      let offset = H5Dget_offset(dataset)
      guard offset <= fileSize, bytes <= fileSize - Int(offset) else {
        throw failure(name, "has data beyond the end of the file")
      }
    }
    return StoredTensor(name: name, shape: shape, elementType: elementType)
  }

  private func extents(of space: hid_t, name: String) throws -> (Shape, Int) {
    let rank = H5Sget_simple_extent_ndims(space)
    guard rank >= 0, rank <= 32 else { throw failure(name, "has no readable shape") }
    var extents = [hsize_t](repeating: 0, count: 32)
    guard H5Sget_simple_extent_dims(space, &extents, nil) == rank else {
      throw failure(name, "has no readable shape")
    }
    // The product of the other extents must not overflow either when one of them is zero.
    var product = 1
    var dimensions: [Int] = []
    for extent in extents.prefix(Int(rank)) {
      let (next, overflow) = product.multipliedReportingOverflow(
        by: Int(clamping: max(extent, 1)))
      guard !overflow, next <= limits.elements else {
        let claimed = extents.prefix(Int(rank)).map { String($0) }.joined(separator: ", ")
        throw failure(
          name, "has shape [\(claimed)], more than the limit of \(limits.elements) elements")
      }
      product = next
      dimensions.append(Int(extent))
    }
    let shape = Shape(dimensions)
    return (shape, shape.count)
  }

  /// How many bytes one stored byte may become.
  private func expansion(creation: hid_t, name: String) throws -> Int {
    let deflateExpansion = 1032  // The most that deflate can do: 258 bytes from two bits.
    var expansion = 1
    let count = H5Pget_nfilters(creation)
    guard count >= 0, count <= 8 else { throw failure(name, "has unreadable filters") }
    for position in 0..<UInt32(count) {
      var flags: UInt32 = 0
      var valueCount = 0
      let filter = H5Pget_filter2(creation, position, &flags, &valueCount, nil, 0, nil, nil)
      switch filter {
      case H5Z_FILTER_DEFLATE: expansion *= deflateExpansion
      case H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32: break
      default:
        throw failure(
          name, "uses filter \(filter), only deflate (gzip), shuffle and Fletcher-32 are read")
      }
    }
    guard expansion <= deflateExpansion else { throw failure(name, "is compressed twice") }
    return expansion
  }

  /// The library allocates a whole chunk for any part of it.
  private func checkChunk(creation: hid_t, elementSize: Int, backed: Int, name: String) throws {
    var extents = [hsize_t](repeating: 0, count: 32)
    let rank = H5Pget_chunk(creation, 32, &extents)
    guard rank > 0, rank <= 32 else { throw failure(name, "has no readable chunk shape") }
    var bytes = elementSize
    for extent in extents.prefix(Int(rank)) {
      let (next, overflow) = bytes.multipliedReportingOverflow(by: Int(clamping: extent))
      guard !overflow, next <= max(backed, 1 << 20) else {
        throw failure(name, "has chunks larger than its stored data")
      }
      bytes = next
    }
  }

  private static func elementType(_ type: hid_t) -> StoredElementType {
    let size = H5Tget_size(type)
    switch H5Tget_class(type) {
    case H5T_FLOAT:
      var sign = 0
      var exponent = 0
      var exponentSize = 0
      var mantissa = 0
      var mantissaSize = 0
      guard
        H5Tget_fields(type, &sign, &exponent, &exponentSize, &mantissa, &mantissaSize) >= 0
      else { return .other("unreadable float") }
      switch (size, exponentSize, mantissaSize) {
      case (2, 5, 10): return .float16
      case (2, 8, 7): return .bfloat16
      case (4, 8, 23): return .float32
      case (8, 11, 52): return .float64
      default: return .other("float of \(size) bytes")
      }
    case H5T_INTEGER:
      guard [1, 2, 4, 8].contains(size), H5Tget_precision(type) == 8 * size else {
        return .other("integer of \(size) bytes")
      }
      return .integer(bits: 8 * size, signed: H5Tget_sign(type) == H5T_SGN_2)
    case H5T_STRING: return .other("string")
    case H5T_COMPOUND: return .other("compound")
    case H5T_ENUM: return .other("enumeration")
    case H5T_VLEN: return .other("variable-length sequence")
    case H5T_REFERENCE: return .other("reference")
    default: return .other("unknown type")
    }
  }
}
