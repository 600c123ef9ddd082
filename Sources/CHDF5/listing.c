// Lists a file: groups, datasets and links, then attributes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attributes.h"
#include "child.h"
#include "types.h"

/// Equal for two open objects exactly when they are the same object of the file.
static herr_t hdf5_object_identity(hid_t object, uint64_t *identity) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  herr_t status = H5Oget_info3(object, &info, H5O_INFO_BASIC);
  if (status >= 0) memcpy(identity, &info.token, sizeof *identity);
#else
  H5O_info_t info;
  herr_t status = H5Oget_info2(object, &info, H5O_INFO_BASIC);
  if (status >= 0) *identity = info.addr;
#endif
  return status;
}

#if H5_VERSION_GE(1, 12, 0)
typedef H5L_info2_t hdf5_link_info;
#else
typedef H5L_info_t hdf5_link_info;
#endif

struct hdf5_listing {
  int descriptor;
  size_t links;
  size_t depth;
  /// Paths of all groups.
  char **groups;
  size_t group_count;
  /// Open addressing; zero is free.
  uint64_t *visited;
  size_t visited_count;
  size_t visited_capacity;
};

static void hdf5_send_record(int descriptor, enum hdf5_record record, const char *path) {
  hdf5_send_number(descriptor, record);
  hdf5_send_bytes(descriptor, path, strlen(path));
}

static void hdf5_send_failure(int descriptor, const char *path, const char *what) {
  char reason[1024];
  hdf5_innermost_message(reason, sizeof reason);
  hdf5_send_record(descriptor, hdf5_failure_record, path);
  hdf5_send_bytes(descriptor, what, strlen(what));
  hdf5_send_bytes(descriptor, reason, strlen(reason));
  _exit(0);
}

/// Whether this is the first visit.
static int hdf5_visit(struct hdf5_listing *listing, uint64_t identity) {
  if (2 * listing->visited_count >= listing->visited_capacity) {
    size_t capacity = listing->visited_capacity ? 2 * listing->visited_capacity : 1024;
    uint64_t *larger = calloc(capacity, sizeof *larger);
    if (!larger) _exit(1);
    for (size_t i = 0; i < listing->visited_capacity; i++) {
      if (!listing->visited[i]) continue;
      size_t slot = listing->visited[i] * 0x9e3779b97f4a7c15u % capacity;
      while (larger[slot]) slot = (slot + 1) % capacity;
      larger[slot] = listing->visited[i];
    }
    free(listing->visited);
    listing->visited = larger;
    listing->visited_capacity = capacity;
  }
  identity += 1;
  size_t slot = identity * 0x9e3779b97f4a7c15u % listing->visited_capacity;
  while (listing->visited[slot]) {
    if (listing->visited[slot] == identity) return 0;
    slot = (slot + 1) % listing->visited_capacity;
  }
  listing->visited[slot] = identity;
  listing->visited_count++;
  return 1;
}

/// After its path: layout, number of external files, whether there is a data space at all, rank and
/// extents; class, size, precision, whether signed, whether plain and sizes of exponent and
/// mantissa of the type; bytes stored, number and identifiers of filters, rank and extents of a
/// chunk, and the place in the file.
static void hdf5_send_dataset(int descriptor, hid_t dataset, const char *path) {
  hid_t creation = H5Dget_create_plist(dataset);
  hid_t type = H5Dget_type(dataset);
  hid_t space = H5Dget_space(dataset);
  if (creation < 0 || type < 0 || space < 0) hdf5_send_failure(descriptor, path, "cannot be read");
  hsize_t extents[H5S_MAX_RANK] = {0};
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0 || rank > H5S_MAX_RANK || H5Sget_simple_extent_dims(space, extents, NULL) != rank)
    hdf5_send_failure(descriptor, path, "has no readable shape");
  const H5D_layout_t layout = H5Pget_layout(creation);
  const int is_bfloat16 = hdf5_is_opaque_bfloat16(dataset, type);
  const H5T_class_t class_ = is_bfloat16 ? H5T_FLOAT : H5Tget_class(type);
  const size_t size = H5Tget_size(type);
  size_t sign = 0, exponent = 0, exponent_size = 0, mantissa = 0, mantissa_size = 0;
  if (is_bfloat16) {
    exponent_size = 8;
    mantissa_size = 7;
  } else if (class_ == H5T_FLOAT) {
    H5Tget_fields(type, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size);
  }
  const int is_plain_integer = class_ == H5T_INTEGER && H5Tget_order(type) != H5T_ORDER_BE &&
                               H5Tget_precision(type) == 8 * size && H5Tget_offset(type) == 0;

  uint64_t facts[20 + 3 * H5S_MAX_RANK];
  size_t count = 0;
  facts[count++] = (uint64_t)layout;
  facts[count++] = (uint64_t)H5Pget_external_count(creation);
  facts[count++] = H5Sget_simple_extent_type(space) != H5S_NULL;
  facts[count++] = (uint64_t)rank;
  for (int i = 0; i < rank; i++) facts[count++] = extents[i];
  facts[count++] = (uint64_t)class_;
  facts[count++] = size;
  facts[count++] = class_ == H5T_INTEGER ? H5Tget_precision(type) : 0;
  facts[count++] = class_ == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
  facts[count++] = (uint64_t)(is_plain_integer || is_bfloat16 || hdf5_is_plain_float(type));
  facts[count++] = exponent_size;
  facts[count++] = mantissa_size;
  facts[count++] = H5Dget_storage_size(dataset);
  int filters = H5Pget_nfilters(creation);
  if (filters < 0 || filters > H5S_MAX_RANK)
    hdf5_send_failure(descriptor, path, "has unreadable filters");
  facts[count++] = (uint64_t)filters;
  for (int i = 0; i < filters; i++) {
    unsigned flags = 0;
    size_t values = 0;
    facts[count++] =
        (uint64_t)H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
  }
  hsize_t chunk[H5S_MAX_RANK] = {0};
  int chunk_rank = layout == H5D_CHUNKED ? H5Pget_chunk(creation, H5S_MAX_RANK, chunk) : 0;
  if (chunk_rank < 0 || chunk_rank > H5S_MAX_RANK) chunk_rank = 0;
  facts[count++] = (uint64_t)chunk_rank;
  for (int i = 0; i < chunk_rank; i++) facts[count++] = chunk[i];
  facts[count++] = layout == H5D_CONTIGUOUS ? H5Dget_offset(dataset) : 0;
  hdf5_send_record(descriptor, hdf5_dataset_record, path);
  if (hdf5_send(descriptor, facts, count * sizeof *facts)) _exit(1);
  H5Pclose(creation);
  H5Tclose(type);
  H5Sclose(space);
}

struct hdf5_link {
  char *name;
  int kind;
};

struct hdf5_links {
  struct hdf5_link *links;
  size_t count;
  size_t room;
};

static herr_t hdf5_collect_link(
    hid_t group, const char *name, const hdf5_link_info *info, void *context) {
  struct hdf5_links *links = context;
  (void)group;
  if (links->count == links->room) return 1;
  // Doubled whenever the count is a power of two.
  if ((links->count & (links->count - 1)) == 0) {
    size_t capacity = links->count ? 2 * links->count : 1;
    struct hdf5_link *larger = realloc(links->links, capacity * sizeof *larger);
    if (!larger) _exit(1);
    links->links = larger;
  }
  struct hdf5_link *link = &links->links[links->count++];
  link->name = strdup(name);
  if (!link->name) _exit(1);
  link->kind = info->type == H5L_TYPE_HARD       ? hdf5_hard_link
               : info->type == H5L_TYPE_SOFT     ? hdf5_soft_link
               : info->type == H5L_TYPE_EXTERNAL ? hdf5_external_link
                                                 : hdf5_other_link;
  return 0;
}

/// Sends a group and all below it in the order of names, depth first.
static void hdf5_list_group(
    struct hdf5_listing *listing, hid_t group, const char *path, size_t depth) {
  const int descriptor = listing->descriptor;
  uint64_t identity = 0;
  if (hdf5_object_identity(group, &identity) < 0)
    hdf5_send_failure(descriptor, path, "is a group that cannot be read");
  const int first = hdf5_visit(listing, identity);
  hdf5_send_record(descriptor, hdf5_group_record, path);
  hdf5_send_number(descriptor, depth);
  hdf5_send_number(descriptor, !first);
  if (!first || depth > listing->depth) _exit(0);
  // Doubled whenever the count is a power of two.
  if ((listing->group_count & (listing->group_count - 1)) == 0) {
    size_t capacity = listing->group_count ? 2 * listing->group_count : 1;
    char **larger = realloc(listing->groups, capacity * sizeof *larger);
    if (!larger) _exit(1);
    listing->groups = larger;
  }
  char *full = malloc(strlen(path) + 2);
  if (!full) _exit(1);
  sprintf(full, "/%s", path);
  listing->groups[listing->group_count++] = full;
  struct hdf5_links links = {NULL, 0, listing->links};
#if H5_VERSION_GE(1, 12, 0)
  herr_t status = H5Literate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_collect_link, &links);
#else
  herr_t status = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, hdf5_collect_link, &links);
#endif
  if (status < 0) hdf5_send_failure(descriptor, path, "has members that cannot be listed");
  if (status > 0) {
    hdf5_send_record(descriptor, hdf5_links_record, "");
    _exit(0);
  }
  listing->links -= links.count;
  for (size_t i = 0; i < links.count; i++) {
    const char *name = links.links[i].name;
    size_t capacity = strlen(path) + strlen(name) + 2;
    char *member = malloc(capacity);
    if (!member) _exit(1);
    snprintf(member, capacity, "%s%s%s", path, *path ? "/" : "", name);
    if (links.links[i].kind != hdf5_hard_link) {
      hdf5_send_record(descriptor, hdf5_link_record, member);
      hdf5_send_number(descriptor, (uint64_t)links.links[i].kind);
      _exit(0);
    }
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) hdf5_send_failure(descriptor, member, "cannot be opened");
    const H5I_type_t type = H5Iget_type(object);
    if (type == H5I_GROUP) hdf5_list_group(listing, object, member, depth + 1);
    if (type == H5I_DATASET) hdf5_send_dataset(descriptor, object, member);
    // A named type holds no data.
    H5Oclose(object);
    free(links.links[i].name);
    free(member);
  }
  free(links.links);
  hdf5_got_on();
}

static void hdf5_send_listing(int descriptor, void *context) {
  const struct hdf5_listing_request *request = context;
  hid_t file = hdf5_open_again(&request->file);
  if (file < 0) hdf5_send_failure(descriptor, "", "cannot be opened, it is damaged or incomplete");
  hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
  if (root < 0) hdf5_send_failure(descriptor, "", "has no readable root group");
  struct hdf5_listing listing = {descriptor, request->links, request->depth, NULL, 0, NULL, 0, 0};
  hdf5_list_group(&listing, root, "", 0);
  hdf5_send_record(descriptor, hdf5_end_record, "");
  hdf5_send_groups(
      file, (const char *const *)listing.groups, listing.group_count, request->attribute_bytes,
      descriptor);
}

int hdf5_fetch_listing(
    const struct hdf5_listing_request *request, uint8_t **bytes, size_t *length) {
  struct hdf5_listing_request own = *request;
  const size_t memory = request->memory + hdf5_source_memory(&request->file);
  return hdf5_run_child(hdf5_send_listing, &own, memory, request->limit, bytes, length);
}
