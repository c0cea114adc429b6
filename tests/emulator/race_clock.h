// Which accesses are ordered. Time is a counter of the whole device that ticks at every barrier, fence and launch; an
// access is stamped with the time and the thread that made it. It happened before what a thread does now if
//
//   - it belongs to an earlier launch, or the thread made it itself;
//   - it was made in the thread's block before the block's last sync(), or in its warp before the warp's last
//     sync_warp() (every thread takes part in those, so one time a block and one a warp say all that vector clocks of
//     single threads would);
//   - the thread learnt of it through an atomic: writer, fence(), add() ... add() or load_written(), fence(), reader.
//     What was learnt is a set "all that this thread, this warp, this block did before time t" (Knowledge).
#pragma once

#include <cstdint>
#include <map>

namespace dermis {

// A thread of a launch as one number, block << 10 | thread in block; leaves 4 bits free for flags.
constexpr int kThreadIdBits = 28, kThreadInBlockBits = 10;
constexpr uint32_t kThreadIdMask = (1u << kThreadIdBits) - 1;

// Sets of threads, each inside the next.
enum class Group : uint32_t { kThread, kWarp, kBlock, kGrid };

// The group's first thread.
inline uint32_t first_of(uint32_t thread, Group group) {
  constexpr uint32_t kMasks[] = {kThreadIdMask, kThreadIdMask & ~31u, kThreadIdMask & ~1023u, 0};
  return thread & kMasks[static_cast<uint32_t>(group)];
}
inline bool together(uint32_t a, uint32_t b, Group group) { return first_of(a, group) == first_of(b, group); }

class Knowledge {
 public:
  // All that the group of `thread` did before `time` is known.
  void learn(Group group, uint32_t thread, uint32_t time);
  void learn(const Knowledge& other);
  // Whether all accesses of the group at or before `time` are known.
  bool covers(Group group, uint32_t thread, uint32_t time) const;
  bool empty() const { return before_.empty(); }

 private:
  std::map<uint32_t, uint32_t> before_;  // by group << 28 | first thread
};

// A thread at one moment.
struct Moment {
  uint32_t thread;  // its number
  uint32_t now;
  uint32_t launch_start, block_sync, warp_sync;
  const Knowledge* known;  // may be null

  // Whether the accesses that `group` of `other` made up to `time` happened before.
  bool after(Group group, uint32_t other, uint32_t time) const {
    if (time < launch_start) return true;
    if (group <= Group::kBlock && together(other, thread, Group::kBlock)) {
      if (time < block_sync) return true;
      if (group <= Group::kWarp && together(other, thread, Group::kWarp)) {
        if (time < warp_sync || (group == Group::kThread && other == thread)) return true;
      }
    }
    return known != nullptr && known->covers(group, other, time);
  }
};

// What is wrong with an access.
enum class Conflict {
  kNone,
  kUninitialised,   // read of what nobody wrote
  kInFlight,        // an asynchronous copy has yet to land here
  kUnorderedWrite,  // another thread's write may come before or after
  kUnorderedRead,   // a write where another thread's read may come before or after
  kStaleRead,       // load() of what this launch wrote, load_own() of what another block did
  kWriteAfterLoad,  // a write to what load() read in this launch, as if it were constant
};

enum class Read {
  kPlain,
  kConstant,  // of global memory that no thread writes during the launch
  kOwn,       // of global memory that no other block writes during the launch
  kStrong,    // of global memory past the caches of one multiprocessor; no race with an atomic
};
enum class Write { kPlain, kAtomic, kStartCopy };

// The last accesses to a few bytes that are always touched together.
class Granule {
 public:
  bool written() const { return write_time_ != 0; }
  uint32_t write_time() const { return write_time_; }
  bool atomic() const { return (writer_ & kAtomicFlag) != 0; }
  uint32_t writer() const { return writer_ & kThreadIdMask; }
  uint32_t reader() const { return reader_ & kThreadIdMask; }

  // Check and record. Without `races` only the conflicts that need no clock are found.
  Conflict read(const Moment& me, Read kind, bool races);
  Conflict write(const Moment& me, Write kind, bool races);
  // The copy that `me` started has landed.
  void land(const Moment& me) { write_time_ = me.now, writer_ = me.thread; }
  // Between launches.
  void write_by_host() { *this = {}, write_time_ = 1; }

 private:
  static constexpr uint32_t kGroupShift = kThreadIdBits + 2;
  static constexpr uint32_t kAtomicFlag = 1u << kThreadIdBits, kInFlightFlag = kAtomicFlag << 1;    // in writer_
  static constexpr uint32_t kConstantFlag = 1u << kThreadIdBits, kStrongFlag = kConstantFlag << 1;  // in reader_
  static Group group_of(uint32_t who) { return static_cast<Group>(who >> kGroupShift); }
  // The flag of the smallest group that holds `who`, all of them, and `thread`.
  static uint32_t wider(uint32_t who, uint32_t thread) {
    uint32_t group = who >> kGroupShift;
    while (!together(who & kThreadIdMask, thread, static_cast<Group>(group))) ++group;
    return group << kGroupShift;
  }

  uint32_t write_time_ = 0;  // 0: never
  // The last write, or the atomics that no later one is known to follow: they came from this group, the last at
  // write_time_.
  uint32_t writer_ = 0;
  // Reads that no later read is known to follow, in the same way.
  uint32_t read_time_ = 0;
  uint32_t reader_ = 0;
};

inline Conflict Granule::read(const Moment& me, Read kind, bool races) {
  if (write_time_ == 0) return Conflict::kUninitialised;
  if ((writer_ & kInFlightFlag) != 0) return Conflict::kInFlight;
  if (kind == Read::kOwn && write_time_ >= me.launch_start &&
      (group_of(writer_) == Group::kGrid || !together(writer(), me.thread, Group::kBlock)))
    return Conflict::kStaleRead;
  if (kind == Read::kConstant) {
    if (write_time_ >= me.launch_start) return Conflict::kStaleRead;
  } else if (races && !(kind == Read::kStrong && atomic()) && !me.after(group_of(writer_), writer(), write_time_)) {
    return Conflict::kUnorderedWrite;
  }
  uint32_t flags = kind == Read::kConstant ? kConstantFlag : kind == Read::kStrong ? kStrongFlag : 0;
  if (read_time_ >= me.launch_start) {
    flags |= reader_ & kConstantFlag;
    if (races && !me.after(group_of(reader_), reader(), read_time_)) {
      if ((reader_ & kStrongFlag) == 0) flags &= ~kStrongFlag;
      flags |= wider(reader_, me.thread);
    }
  }
  read_time_ = me.now;
  reader_ = me.thread | flags;
  return Conflict::kNone;
}

inline Conflict Granule::write(const Moment& me, Write kind, bool races) {
  if ((writer_ & kInFlightFlag) != 0) return Conflict::kInFlight;
  if (read_time_ >= me.launch_start && (reader_ & kConstantFlag) != 0) return Conflict::kWriteAfterLoad;
  uint32_t flags = kind == Write::kAtomic ? kAtomicFlag : kind == Write::kStartCopy ? kInFlightFlag : 0;
  if (races && write_time_ != 0) {
    const bool both_atomic = kind == Write::kAtomic && atomic();
    if (both_atomic) {
      if (!me.after(group_of(writer_), writer(), write_time_)) flags |= wider(writer_, me.thread);
    } else if (!me.after(Group::kThread, writer(), write_time_)) {
      // (After atomics it is enough to come after the last one, which came after the others.)
      return Conflict::kUnorderedWrite;
    }
  }
  const bool tolerated = kind == Write::kAtomic && (reader_ & kStrongFlag) != 0;
  if (races && read_time_ != 0 && !tolerated && !me.after(group_of(reader_), reader(), read_time_)) {
    return Conflict::kUnorderedRead;
  }
  write_time_ = me.now;
  writer_ = me.thread | flags;
  read_time_ = 0;  // every read so far happened before this write, so whoever comes after it comes after them
  return Conflict::kNone;
}

}  // namespace dermis
