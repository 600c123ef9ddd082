import CHDF5
import Foundation
import TensorGraph

/// Writes an HDF5 file whole or not at all.
///
/// The file grows under a temporary name in the same folder and takes its own name when everything is
/// on the disk; until then a file that was there stays, and a failure removes the temporary one. The
/// same calls give the same bytes: no times are stored. Headers carry HDF5's checksums (format 1.8),
/// and text has fixed length, so that damage to either is noticed when it is read.
///
/// ```swift
/// try HDF5Writer.write(to: "network.h5") { file in
///   try file.write(weight, as: "conv1.weight")
/// }
/// ```
public struct HDF5Writer: ~Copyable {
  package let path: String
  let file: hid_t
  private var groups: Set<String> = []

  private init(path: String, file: hid_t) {
    self.path = path
    self.file = file
  }

  /// - Throws: `CheckpointError` if the file cannot be written (the old one is then intact), or what
  ///   `body` throws.
  public static func write(to path: String, _ body: (inout HDF5Writer) throws -> Void) throws {
    try write(to: FileTarget(path), body)
  }

  /// The same into a folder that is held open.
  public static func write(
    to target: FileTarget, _ body: (inout HDF5Writer) throws -> Void
  ) throws {
    try WholeFile.replace(target) { try fill($0.pathForLibraries, path: target.path, body) }
  }

  /// - Parameter temporary: where the file grows.
  static func fill(
    _ temporary: String, path: String, _ body: (inout HDF5Writer) throws -> Void
  ) throws {
    let file = try HDF5Library.alone {
      let access = try HDF5Handle.open(
        H5Pcreate(hdf5_file_access_class()), path: path, failing: "cannot be written")
      H5Pset_fapl_sec2(access.identifier)
      H5Pset_fclose_degree(access.identifier, H5F_CLOSE_STRONG)
      H5Pset_file_locking(access.identifier, false, true)
      H5Pset_libver_bounds(access.identifier, H5F_LIBVER_V18, H5F_LIBVER_V18)
      let creation = try HDF5Handle.open(
        H5Pcreate(hdf5_file_create_class()), path: path, failing: "cannot be written")
      H5Pset_obj_track_times(creation.identifier, false)
      // Attributes of the root in their own storage, so that they may exceed 64 KiB.
      H5Pset_attr_phase_change(creation.identifier, 0, 0)
      let file = H5Fcreate(
        temporary, hdf5_create_exclusively(), creation.identifier, access.identifier)
      guard file >= 0 else {
        throw CheckpointError(path: path, "cannot be created\(HDF5Library.reason())")
      }
      return file
    }
    do {
      var writer = HDF5Writer(path: path, file: file)
      try body(&writer)
      try HDF5Library.alone {
        guard H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0 else {
          throw CheckpointError(path: path, "cannot be written\(HDF5Library.reason())")
        }
      }
    } catch {
      HDF5Library.alone {
        // Room for the library to finish, or it would keep the file open on a full disk.
        truncate(temporary, 0)
        _ = H5Fclose(file)
      }
      throw error
    }
    try HDF5Library.alone {
      guard H5Fclose(file) >= 0 else {
        throw CheckpointError(path: path, "cannot be written\(HDF5Library.reason())")
      }
    }
  }

  // MARK: Datasets

  /// Writes floats as they are, bit for bit, as little-endian 32-bit floats.
  public mutating func write(_ tensor: Tensor, as name: String) throws {
    try tensor.values.withUnsafeBufferPointer { try write($0, shape: tensor.shape, as: name) }
  }

  /// Writes floats from the caller's memory.
  ///
  /// - Precondition: `values` has as many elements as `shape`.
  public mutating func write(
    _ values: UnsafeBufferPointer<Float>, shape: Shape, as name: String
  ) throws {
    precondition(values.count == shape.count, "\(values.count) floats for shape \(shape)")
    try write(
      UnsafeRawPointer(values.baseAddress), shape: shape, as: name, stored: hdf5_file_float32(),
      memory: hdf5_native_float())
  }

  /// Writes a scalar 64-bit integer, such as `num_batches_tracked`.
  public mutating func write(_ integer: Int64, as name: String) throws {
    try withUnsafePointer(to: integer) {
      try write(
        UnsafeRawPointer($0), shape: .scalar, as: name, stored: hdf5_file_int64(),
        memory: hdf5_native_int64())
    }
  }

  private mutating func write(
    _ values: UnsafeRawPointer?, shape: Shape, as name: String,
    stored: @autoclosure () -> hid_t, memory: @autoclosure () -> hid_t
  ) throws {
    let components = try components(of: name)
    guard shape.rank <= 32 else {
      throw CheckpointError(
        path: path, dataset: name, "has \(shape.rank) axes, HDF5 stores up to 32")
    }
    for depth in components.indices.dropFirst() {
      try createGroup(components[..<depth].joined(separator: "/"))
    }
    try HDF5Library.alone {
      let creation = try open(H5Pcreate(hdf5_dataset_create_class()), name)
      H5Pset_obj_track_times(creation.identifier, false)
      H5Pset_fill_time(creation.identifier, H5D_FILL_TIME_NEVER)
      let extents = shape.dimensions.map { hsize_t($0) }
      let space = try open(
        shape.rank == 0
          ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(shape.rank), extents, nil), name)
      let links = try utf8Links(name)
      let dataset = try open(
        H5Dcreate2(
          file, "/" + name, stored(), space.identifier, links.identifier, creation.identifier, 0),
        name)
      guard shape.count == 0 || H5Dwrite(dataset.identifier, memory(), 0, 0, 0, values) >= 0 else {
        throw failure(name)
      }
    }
  }

  /// Creates a group and those around it; nothing happens if it is there.
  public mutating func createGroup(_ name: String) throws {
    let components = try components(of: name)
    for depth in components.indices {
      let group = components[...depth].joined(separator: "/")
      guard !groups.contains(group) else { continue }
      try HDF5Library.alone {
        let creation = try open(H5Pcreate(hdf5_group_create_class()), group)
        H5Pset_obj_track_times(creation.identifier, false)
        H5Pset_attr_phase_change(creation.identifier, 0, 0)
        let links = try utf8Links(group)
        _ = try open(
          H5Gcreate2(file, "/" + group, links.identifier, creation.identifier, 0), group)
      }
      groups.insert(group)
    }
  }

  // MARK: Attributes

  /// Sets an attribute of a group, by default the root. A group must have been created.
  ///
  /// Text is UTF-8 of fixed length and any size; an empty one is a single zero byte.
  public mutating func setAttribute(
    _ name: String, to value: HDF5Attribute, ofGroup group: String = ""
  ) throws {
    let place = group.isEmpty ? "@" + name : group + "@" + name
    guard !name.isEmpty, !name.utf8.contains(0) else {
      throw CheckpointError(path: path, dataset: place, "is no name of an attribute")
    }
    switch value {
    case .text(let text): try setTexts([text], isArray: false, name, group, place)
    case .texts(let texts): try setTexts(texts, isArray: true, name, group, place)
    case .integer(let integer): try setNumbers([integer], isArray: false, name, group, place)
    case .integers(let integers): try setNumbers(integers, isArray: true, name, group, place)
    case .number(let number): try setNumbers([number], isArray: false, name, group, place)
    case .numbers(let numbers): try setNumbers(numbers, isArray: true, name, group, place)
    case .other: preconditionFailure("an attribute without a value")
    }
  }

  private func setTexts(
    _ texts: [String], isArray: Bool, _ name: String, _ group: String, _ place: String
  ) throws {
    let size = max(texts.map(\.utf8.count).max() ?? 0, 1)
    var bytes = [UInt8](repeating: 0, count: size * texts.count)
    for (index, text) in texts.enumerated() {
      guard !text.utf8.contains(0) else {
        throw CheckpointError(path: path, dataset: place, "is text with a zero character")
      }
      bytes.replaceSubrange(index * size..<index * size + text.utf8.count, with: text.utf8)
    }
    try HDF5Library.alone {
      let type = try open(H5Tcopy(hdf5_c_string()), place)
      guard H5Tset_size(type.identifier, size) >= 0,
        H5Tset_cset(type.identifier, H5T_CSET_UTF8) >= 0,
        H5Tset_strpad(type.identifier, H5T_STR_NULLPAD) >= 0
      else { throw failure(place) }
      try set(
        name, group, place, count: isArray ? texts.count : nil, stored: type.identifier,
        memory: type.identifier, bytes)
    }
  }

  private func setNumbers<Number: BitwiseCopyable>(
    _ numbers: [Number], isArray: Bool, _ name: String, _ group: String, _ place: String
  ) throws {
    try HDF5Library.alone {
      let isFloat = Number.self == Double.self
      try set(
        name, group, place, count: isArray ? numbers.count : nil,
        stored: isFloat ? hdf5_file_float64() : hdf5_file_int64(),
        memory: isFloat ? hdf5_native_double() : hdf5_native_int64(), numbers)
    }
  }

  /// A `count` of nil is a scalar. Inside `HDF5Library.alone`.
  private func set<Element: BitwiseCopyable>(
    _ name: String, _ group: String, _ place: String, count: Int?, stored: hid_t, memory: hid_t,
    _ elements: [Element]
  ) throws {
    let owner = try open(H5Gopen2(file, "/" + group, 0), place)
    var extent = hsize_t(count ?? 1)
    let space = try open(
      count == nil ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nil), place)
    let creation = try open(H5Pcreate(hdf5_attribute_create_class()), place)
    H5Pset_char_encoding(creation.identifier, H5T_CSET_UTF8)
    let attribute = try open(
      H5Acreate2(
        owner.identifier, name, stored, space.identifier, creation.identifier, 0), place)
    let status = elements.withUnsafeBytes { bytes in
      bytes.isEmpty ? 0 : H5Awrite(attribute.identifier, memory, bytes.baseAddress)
    }
    guard status >= 0 else { throw failure(place) }
  }

  // MARK: Names and handles

  func components(of name: String) throws -> [String] {
    let components = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard !name.utf8.contains(0), components.allSatisfy({ !$0.isEmpty && $0 != "." }) else {
      throw CheckpointError(
        path: path, dataset: name, "is no name: parts between slashes must not be empty or \".\"")
    }
    return components
  }

  /// Names are UTF-8, and say so.
  func utf8Links(_ name: String) throws -> HDF5Handle {
    let creation = try open(H5Pcreate(hdf5_link_create_class()), name)
    H5Pset_char_encoding(creation.identifier, H5T_CSET_UTF8)
    return creation
  }

  func open(_ identifier: hid_t, _ name: String) throws -> HDF5Handle {
    try HDF5Handle.open(identifier, path: path, dataset: name, failing: "cannot be written")
  }

  func failure(_ name: String) -> CheckpointError {
    CheckpointError(path: path, dataset: name, "cannot be written\(HDF5Library.reason())")
  }
}
