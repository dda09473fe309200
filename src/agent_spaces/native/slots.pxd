# Where the fields of slotted classes and msgspec structs lie: read and written there, without looking names up.

cdef extern from *:
    """
    #include <Python.h>
    #include <structmember.h>

    /* The offset of a field in every instance of the class, or -1 if it has no slot of this name. */
    static Py_ssize_t slot_offset(PyObject *cls, PyObject *name) {
        Py_ssize_t offset = -1;
        PyObject *member = PyObject_GetAttr(cls, name);
        if (member == NULL) { PyErr_Clear(); return -1; }
        if (Py_TYPE(member) == &PyMemberDescr_Type) offset = ((PyMemberDescrObject *)member)->d_member->offset;
        Py_DECREF(member);
        return offset;
    }

    static inline PyObject *slot_peek(PyObject *owner, Py_ssize_t offset) {
        return *(PyObject **)((char *)owner + offset);
    }

    static inline void slot_store(PyObject *owner, Py_ssize_t offset, PyObject *value) {
        PyObject **place = (PyObject **)((char *)owner + offset), *before = *place;
        Py_INCREF(value);
        *place = value;
        Py_XDECREF(before);
    }
    """
    Py_ssize_t slot_offset(object cls, object name)
    void *slot_peek(object owner, Py_ssize_t offset)
    void slot_store(object owner, Py_ssize_t offset, object value)


cdef inline object slot(object owner, Py_ssize_t offset):
    """Return the field at an offset of an instance whose class has been checked."""
    cdef void *value = slot_peek(owner, offset)
    if value is NULL:
        raise AttributeError("a slot is empty")
    return <object>value
