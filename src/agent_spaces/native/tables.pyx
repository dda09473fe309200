# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Writes of one table: inserts that draw their number, and updates that leave the indexed columns as they are.

Everything else, and everything that would fail, is left to the generated form before anything has been changed.
"""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.object cimport Py_EQ, Py_LT, PyObject_RichCompareBool

from agent_spaces.native.slots cimport slot, slot_offset, slot_store

COLUMNS_MAX = 4  # of an index
NONE_GIVEN = object()

cpdef enum Form:
    UNIQUE = 1  # key -> row
    PAIR  # first -> second -> row
    HASH  # key -> primary keys ascending
    ORDERED  # leading columns -> (values of the last column ascending, primary keys)


cdef class _Index:
    cdef int form, count
    cdef Py_ssize_t columns[4]  # COLUMNS_MAX
    cdef dict buckets

    cdef object key(self, row, int count):
        """Return the first columns of a row: a value, or a tuple of several."""
        if count == 1:
            return slot(row, self.columns[0])
        return tuple([slot(row, self.columns[place]) for place in range(count)])

    cdef bint taken(self, row) except -1:
        """Tell whether another row has what only one may have."""
        if self.form == Form.UNIQUE:
            return slot(row, self.columns[0]) in self.buckets
        if self.form == Form.PAIR:
            inner = self.buckets.get(slot(row, self.columns[0]))
            return inner is not None and slot(row, self.columns[1]) in <dict>inner
        return False

    cdef bint same(self, old, row) except -1:
        """Tell whether both rows stand in the same place."""
        cdef int place
        for place in range(self.count):
            if not PyObject_RichCompareBool(slot(old, self.columns[place]), slot(row, self.columns[place]), Py_EQ):
                return False
        return True

    cdef int refresh(self, row) except -1:
        """Enter a row in the place of an equal one."""
        if self.form == Form.UNIQUE:
            self.buckets[slot(row, self.columns[0])] = row
        elif self.form == Form.PAIR:
            (<dict>self.buckets[slot(row, self.columns[0])])[slot(row, self.columns[1])] = row
        return 0

    cdef int add(self, row, pk, insert_key, insert_value) except -1:
        """Enter a row."""
        cdef object key, bucket, value
        cdef list keys, values
        if self.form == Form.UNIQUE:
            self.buckets[slot(row, self.columns[0])] = row
        elif self.form == Form.PAIR:
            key, value = slot(row, self.columns[0]), slot(row, self.columns[1])
            bucket = self.buckets.get(key)
            if bucket is None:
                self.buckets[key] = {value: row}
            else:
                (<dict>bucket)[value] = row
        elif self.form == Form.HASH:
            key = self.key(row, self.count)
            bucket = self.buckets.get(key)
            if bucket is None:
                self.buckets[key] = [pk]
            elif _last_is_less(<list>bucket, pk):
                (<list>bucket).append(pk)
            else:
                insert_key(bucket, pk)
        else:
            key, value = self.key(row, self.count - 1), slot(row, self.columns[self.count - 1])
            bucket = self.buckets.get(key)
            if bucket is None:
                self.buckets[key] = ([value], [pk])
            else:
                values, keys = <tuple>bucket
                if _last_is_less(values, value):
                    values.append(value)
                    keys.append(pk)
                else:
                    insert_value(bucket, value, pk)
        return 0


cdef bint _last_is_less(list values, value) except -1:
    return PyObject_RichCompareBool(<object>PyList_GET_ITEM(values, PyList_GET_SIZE(values) - 1), value, Py_LT)


cdef class Writes:
    """`insert` and `update` of a table; `indexes` are (form, columns, buckets).

    `insert_reference` and `update_reference` do what is left to them; `repair(table, old, new)` undoes half a write.
    TypeError for a class without slots, or an index of too many columns.
    """

    cdef object table, row_class, insert_reference, update_reference, repair, insert_key, insert_value
    cdef Py_ssize_t pk, sequence
    cdef bint numbered
    cdef dict rows
    cdef list indexes, journal

    def __init__(
        self, table, row_class, primary_key, numbered, indexes, journal, insert, update, repair, insert_key,
        insert_value,
    ):
        cdef _Index index
        self.table, self.row_class, self.rows, self.journal = table, row_class, table.rows, journal
        self.insert_reference, self.update_reference, self.repair = insert, update, repair
        self.insert_key, self.insert_value, self.numbered = insert_key, insert_value, numbered
        self.pk, self.sequence = slot_offset(row_class, primary_key), slot_offset(type(table), "sequence")
        self.indexes = []
        if self.pk < 0 or self.sequence < 0:
            raise TypeError(f"{row_class.__name__} has no slots")
        for form, columns, buckets in indexes:
            index = _Index()
            if len(columns) > COLUMNS_MAX:
                raise TypeError("an index has too many columns")
            index.form, index.count, index.buckets = form, len(columns), buckets
            for place, column in enumerate(columns):
                index.columns[place] = slot_offset(row_class, column)
                if index.columns[place] < 0:
                    raise TypeError(f"{row_class.__name__} has no slots")
            self.indexes.append(index)

    def insert(self, row):
        """Add a row; module.context.Table says what that means."""
        cdef _Index index
        cdef object pk
        if type(row) is not self.row_class or not self.numbered:
            return self.insert_reference(row)
        pk = slot(row, self.pk)
        if type(pk) is not int or pk != 0:
            return self.insert_reference(row)
        for index in self.indexes:
            if index.taken(row):
                return self.insert_reference(row)
        pk = slot(self.table, self.sequence)
        slot_store(row, self.pk, pk)
        slot_store(self.table, self.sequence, pk + 1)
        try:
            self.rows[pk] = row
            for index in self.indexes:
                index.add(row, pk, self.insert_key, self.insert_value)
        except BaseException:
            self.repair(self.table, None, row)
            raise
        self.journal.append((self.table, None, row))
        return row

    def update(self, row):
        """Replace a row; module.context.Table says what that means."""
        cdef _Index index
        cdef object pk, old
        if type(row) is not self.row_class:
            return self.update_reference(row)
        pk = slot(row, self.pk)
        old = self.rows.get(pk)
        if old is None:
            return self.update_reference(row)
        if PyObject_RichCompareBool(old, row, Py_EQ):
            return old
        for index in self.indexes:
            if not index.same(old, row):
                return self.update_reference(row)
        try:
            self.rows[pk] = row
            for index in self.indexes:
                index.refresh(row)
        except BaseException:
            self.repair(self.table, old, row)
            raise
        self.journal.append((self.table, old, row))
        return row


cdef class PairFind:
    """Look-ups by both columns of a pair, or by the first, which `least` answers."""

    cdef dict buckets
    cdef object least

    def __init__(self, dict buckets, least):
        self.buckets, self.least = buckets, least

    def find(self, first, second=NONE_GIVEN):
        """Return the row of a pair; without a second value the one with the least primary key; None without any."""
        inner = self.buckets.get(first)
        if inner is None:
            return None
        return self.least(first) if second is NONE_GIVEN else (<dict>inner).get(second)
